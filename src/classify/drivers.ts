/** Modules without which a machine loses its disk or its network. `-` and `_` are the same to the kernel. */
const storage =
  /^(virtio_(blk|scsi|pci)|nvme(_core)?|ahci|ata_piix|sd_mod|usb_storage|uas|xhci_(hcd|pci)|megaraid_sas|mpt3sas|hpsa|aacraid|smartpqi|sata_.+|xen_blkfront|hv_storvsc|hv_vmbus|vmw_pvscsi|mptspi|mmc_block|sdhci(_pci|_acpi)?|dm_mod|dm_crypt|dm_thin_pool|dm_raid|md_mod|raid(0|1|10|456)|bcache|ext4|xfs|btrfs|zfs|spl|f2fs|vfat|nls_.+|overlay|nfsv?\d?|aes(ni_intel|_generic)?|xts|cryptd)$/;

const network =
  /^(virtio_net|e1000e?|igbv?f?|igc|ixgbe(vf)?|i40e|iavf|ice|r8169|r8125|tg3|bnx2x?|bnxt_en|mlx[45]_core|mlx[45]_en|ena|vmxnet3|hv_netvsc|xen_netfront|atlantic|sky2|forcedeth|be2net|qede|cxgb4|sfc|alx|iwlwifi|iwlmvm|ath\d+k(_pci)?|brcmfmac|mt76.*|rtw\d+.*|bonding|bridge|8021q|wireguard|tun|veth)$/;

export const driverName = (name: string): string => name.replaceAll("-", "_");

export const isStorageDriver = (name: string): boolean => storage.test(driverName(name));

/** Whether the host may need this driver. A known uplink driver clears the other network drivers. */
export function needed(name: string, uplinkDriver: string | undefined): boolean {
  const driver = driverName(name);
  if (storage.test(driver)) return true;
  if (uplinkDriver !== undefined) return driver === driverName(uplinkDriver) || /^(bonding|bridge|8021q|wireguard)$/.test(driver);
  return network.test(driver);
}
