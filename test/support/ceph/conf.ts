import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../servers/free-port.ts';

export interface CephConf {
  readonly path: string;
  readonly fsid: string;
  readonly osdId: string;
  /** As monmaptool takes it. */
  readonly monAddress: string;
}

/** Writes the configuration of one node: no redundancy, no authentication, all below `dir`. */
export async function writeCephConf(
  dir: string,
  options: { objectStore: 'memstore' | 'bluestore'; rgwPort: number },
): Promise<CephConf> {
  const fsid = randomUUID();
  const monAddress = `[v2:127.0.0.1:${await freePort()}]`;
  const path = join(dir, 'ceph.conf');
  await writeFile(path, confText({ dir, fsid, monAddress, ...options }));
  await mkdir(join(dir, 'mon'), { recursive: true });
  await mkdir(join(dir, 'osd'), { recursive: true });
  return { path, fsid, osdId: randomUUID(), monAddress };
}

function confText(c: {
  dir: string;
  fsid: string;
  monAddress: string;
  objectStore: string;
  rgwPort: number;
}): string {
  return `[global]
fsid = ${c.fsid}
mon_host = ${c.monAddress}
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
# No authentication keys. Without "crc" in the last line radosgw never connects.
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc secure
keyring = ${c.dir}/keyring
run_dir = ${c.dir}
admin_socket = ${c.dir}/$name.asok
log_file = ${c.dir}/$name.log
pid_file =
mon_data = ${c.dir}/mon
osd_data = ${c.dir}/osd
# One node: every rule that requires a second copy or a second host is off.
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
# By default the monitor waits a second before each decision, and a start takes dozens of them.
paxos_propose_interval = .05
mon_osd_full_ratio = .99
mon_osd_nearfull_ratio = .99
mon_data_avail_warn = 1
mon_data_avail_crit = 1

[osd]
osd_objectstore = ${c.objectStore}
memstore_device_bytes = 17179869184
bluestore_block_size = 34359738368
bluestore_fsck_quick_fix_on_mount = false
osd_memory_target = 1073741824

[client.rgw]
# Without tcp_nodelay every small request takes 40 ms longer.
rgw_frontends = beast endpoint=127.0.0.1:${c.rgwPort} tcp_nodelay=1
rgw_data = ${c.dir}
# Deleted objects are collected soon: memstore holds them in memory.
rgw_gc_obj_min_wait = 5
rgw_gc_processor_period = 5
rgw_enable_usage_log = false
rgw_thread_pool_size = 128
`;
}
