/** A file that is sent. `openAsBlob` of `node:fs` gives `data` that is read while it is sent. */
export interface DingTalkUploadFile {
  /** The file's bytes. */
  readonly data: Blob | Uint8Array<ArrayBuffer>;
  /** With its ending: the platform judges by it. */
  readonly fileName: string;
  /** Default: the blob's type, or none. */
  readonly contentType?: string | undefined;
}

/** What `upload` sends, as a form. */
export interface DingTalkUpload {
  /** The file. */
  readonly media: File | DingTalkUploadFile;
  /** The form's field of the file. Default `media`. */
  readonly field?: string | undefined;
  /** Further fields of the form. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
}

/**
 * The form of an upload; it can be sent more than once.
 *
 * @throws TypeError where the file has no name or no data.
 */
export function formOf({ media, field = 'media', fields = {} }: DingTalkUpload): FormData {
  const name = media instanceof File ? media.name : media?.fileName;
  const data = media instanceof File ? media : media?.data;
  if (typeof name !== 'string' || name === '' || !(data instanceof Blob || data instanceof Uint8Array)) {
    throw new TypeError('"media" must be a File, or { data, fileName } with a Blob or bytes, and a name');
  }
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) form.append(key, value);
  const type = media instanceof File ? undefined : media.contentType;
  const asItIs = data instanceof Blob && (type === undefined || type === data.type);
  form.append(field, asItIs ? data : new Blob([data], type === undefined ? {} : { type }), name);
  return form;
}
