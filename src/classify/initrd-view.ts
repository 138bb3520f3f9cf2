import type { InitrdContents, System } from "../diff/system.ts";

/** What the initrd of a system holds, where it could be read. */
export const contents = (system: System | undefined): InitrdContents | undefined => system?.initrd?.contents;

export const has = (initrd: InitrdContents | undefined, pattern: RegExp): boolean =>
  initrd !== undefined && [...initrd.files].some((path) => pattern.test(path));

export const sshFiles = /(^|\/)(sshd|dropbear|tinysshd)$|(^|\/)etc\/(ssh\/sshd_config|dropbear\/)|initrd-sshd|sshd\.service$/;

export const networkFiles =
  /(^|\/)etc\/systemd\/network\/[^/]+\.(network|netdev)$|(^|\/)(udhcpc|ipconfig|dhcpcd)$|systemd-networkd\.service$|ifupdown/;

export const unlockers = /(^|\/)(clevis|tang|tpm2-.*|libtss2.*|systemd-cryptenroll|fido2luks|ykchalresp|yubikey.*)|crypttab\.d/;

const encrypted = /(^|\/)(cryptsetup|systemd-cryptsetup|systemd-cryptsetup-generator|crypttab|zfs-load-key)/;

/** Whether the initrd can open an encrypted disk, which is the only trace of a passphrase that a closure holds. */
export const opensDisks = (system: System | undefined): boolean => has(contents(system), encrypted);
