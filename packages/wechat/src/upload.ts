/** A file for a multipart call. `openAsBlob` of `node:fs` gives `data` that is read while it is sent. */
export interface WeChatUploadFile {
  /** The file's bytes. */
  readonly data: Blob | Uint8Array<ArrayBuffer>;
  /** With its ending: the platform judges by it. */
  readonly fileName: string;
  /** Default: the blob's type, or none. */
  readonly contentType?: string | undefined;
}

/** What `upload` sends. */
export interface WeChatUpload {
  /** The file. */
  readonly media: File | WeChatUploadFile;
  /** The form's field of the file. Default: `media`. */
  readonly field?: string | undefined;
  /** Further fields of the form, such as a video's `description` in JSON. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
}

/**
 * The form of an upload; it can be sent more than once.
 *
 * @throws TypeError where the file has no name.
 */
export function formOf({ media, field = 'media', fields = {} }: WeChatUpload): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const { blob, name } = fileOf(media);
  if (typeof name !== 'string' || name === '') {
    throw new TypeError('"media" must be a File, or { data, fileName } with a Blob or Uint8Array and its name');
  }
  form.append(field, blob, name);
  return form;
}

function fileOf(media: WeChatUpload['media']): { blob: Blob; name: string | undefined } {
  if (media instanceof File) return { blob: media, name: media.name };
  const { data, fileName, contentType } = media ?? {};
  if (!(data instanceof Blob || data instanceof Uint8Array)) return { blob: new Blob([]), name: undefined };
  if (data instanceof Blob && (contentType === undefined || contentType === data.type)) {
    return { blob: data, name: fileName };
  }
  return { blob: new Blob([data], contentType === undefined ? {} : { type: contentType }), name: fileName };
}
