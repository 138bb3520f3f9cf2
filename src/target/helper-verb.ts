/**
 * What a host with the root helper of the NixOS module can be asked. The program of each verb lies on the host, as the module of its own release brought it; the gate
 * sends the verb and the arguments. Whatever has no verb, an operator's own command above all, such a host does not do.
 */
export const helperVerbs = [
  "observe",
  "record",
  "root",
  "start",
  "follow",
  "say",
  "dry-activate",
  "restart",
  "check",
  "evidence",
  "ping",
  "reboot-begin",
  "reboot",
  "reboot-arm",
  "reboot-settle",
  "reboot-give-up",
  "reboot-cancel",
  "act-restart",
  "act-garbage",
] as const;
export type HelperVerb = (typeof helperVerbs)[number];

/** What ssh is told to run there. The number goes up when a verb takes other arguments: a helper refuses a number that it does not know. */
export const helperCommand = "nixos-deploy-gate-helper 1";
