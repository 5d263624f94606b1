import { readFile, statfs } from 'node:fs/promises';
import { TokenError } from '../errors.js';

/** File systems that Linux names by a number: statfs(2), <linux/magic.h>. */
const LINUX: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4266872130: 'SMB 2',
  4283649346: 'CIFS',
  16914839: '9P',
  1397113167: 'AFS',
  12805120: 'Ceph',
  1937076805: 'Coda',
  1952539503: 'OCFS2',
  1196443219: 'GPFS',
  198183888: 'Lustre',
  2020557398: 'VirtualBox shared folders',
};
const FUSE = 0x65735546;
/** What stands behind FUSE is told by the mount table alone. */
const FUSE_NETWORK =
  /^fuse\.(sshfs|glusterfs|s3fs|rclone|goofys|gcsfuse|blobfuse2?|davfs|juicefs|ceph|seaweedfs|vmhgfs-fuse|prl_fsd)/;

/**
 * Refuses a directory on a network file system, where that can be known: Linux by the file system's number, Windows by a path
 * to a share. There a lock, a link or a sync may be acknowledged before it is done, or by a cache.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION`
 */
export async function refuseNetwork(directory: string, owner: string): Promise<void> {
  const name = await networkNameOf(directory);
  if (name === undefined) return;
  throw new TokenError(
    'ERR_TOKEN_CONFIGURATION',
    `"directory" of ${owner} is on a network file system (${name}), which does not keep the promises it builds on: ` +
      'use a local disk, or for several hosts redisStore from @evertoken/store-redis or postgresStore from @evertoken/store-sql/postgres',
  );
}

async function networkNameOf(directory: string): Promise<string | undefined> {
  if (process.platform === 'win32') return /^\\\\[^?.]/.test(directory) ? 'a share' : undefined;
  if (process.platform !== 'linux') return undefined;
  const { type } = await statfs(directory);
  // A 32-bit number that some architectures hand out as a negative one.
  const kind = type >>> 0;
  return kind === FUSE ? fuseNameOf(directory) : LINUX[kind];
}

/** Of all mounts that hold the directory the one with the longest path is the one it is on. */
async function fuseNameOf(directory: string): Promise<string | undefined> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return fuseNetworkIn(table, directory);
}

/** The network file system behind FUSE that holds a directory, by the text of /proc/self/mountinfo: proc_pid_mountinfo(5). */
export function fuseNetworkIn(mountinfo: string, directory: string): string | undefined {
  let found = { path: '', kind: '' };
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const path = before
      .split(' ')[4]
      ?.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
    const kind = after.split(' ')[0] ?? '';
    if (path === undefined || path.length < found.path.length) continue;
    if (directory === path || directory.startsWith(path === '/' ? '/' : `${path}/`)) found = { path, kind };
  }
  return FUSE_NETWORK.test(found.kind) ? found.kind : undefined;
}
