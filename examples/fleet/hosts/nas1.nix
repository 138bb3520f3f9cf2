# Storage for the others.
{ ... }:
{
  linux = "6.12.40";
  kernelParams = [ "amd_iommu=on" ];
  ports = [ 22 2049 ];
  mounts."/srv/media" = "/dev/disk/by-label/media btrfs noatime,compress=zstd,nofail 0 0";
}
