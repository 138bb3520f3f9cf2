/** Of systemd.unit(5), without `-` in front, which would be an option. */
const unitName = /^[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\@-]{0,250}\.(?:service|socket|mount|automount|swap|timer|path|target|slice)$/;
export const isUnitName = (name: string): boolean => unitName.test(name);
