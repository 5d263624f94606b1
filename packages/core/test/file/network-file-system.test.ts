import { describe, expect, it } from 'vitest';
import { fuseNetworkIn } from '../../src/file/network-file-system.js';

const mountinfo = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /mnt/far\\040away rw,nosuid - fuse.sshfs user@host:/ rw,user_id=0
31 22 0:27 / /mnt/near rw - fuse.ntfs-3g /dev/sdb1 rw
32 31 0:28 / /mnt/near/deep rw - fuse.s3fs bucket rw
`;

describe('what stands behind FUSE', () => {
  it.each([
    ['/mnt/far away/tokens', 'fuse.sshfs'],
    ['/mnt/far awayward', undefined],
    ['/mnt/near/tokens', undefined],
    ['/mnt/near/deep/tokens', 'fuse.s3fs'],
    ['/home', undefined],
  ])('%s: %s', (directory, kind) => {
    expect(fuseNetworkIn(mountinfo, directory)).toBe(kind);
  });
});
