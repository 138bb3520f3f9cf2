import type { Rule } from "./rule.ts";
import { privilegeRules } from "./rules/access-privilege.ts";
import { sshdRules } from "./rules/access-sshd.ts";
import { userRules } from "./rules/access-users.ts";
import { activationRules } from "./rules/activation.ts";
import { bootRules } from "./rules/boot.ts";
import { clusterRules } from "./rules/cluster.ts";
import { deletionRules } from "./rules/deletion.ts";
import { diskRules } from "./rules/disks.ts";
import { unlockRules } from "./rules/initrd-unlock.ts";
import { initrdRules } from "./rules/initrd.ts";
import { injectionRules } from "./rules/injection.ts";
import { kernelRules } from "./rules/kernel.ts";
import { moduleRules } from "./rules/modules.ts";
import { firewallRules } from "./rules/network-firewall.ts";
import { nameRules } from "./rules/network-names.ts";
import { uplinkRules } from "./rules/network-uplink.ts";
import { nixRules } from "./rules/nix.ts";
import { policyRules } from "./rules/policy-loosened.ts";
import { secretRules } from "./rules/secrets.ts";
import { serviceRules } from "./rules/services.ts";
import { stateDataRules } from "./rules/state-data.ts";
import { statePackageRules } from "./rules/state-packages.ts";
import { stateSystemRules } from "./rules/state-system.ts";

/** Every rule there is, in the order of the page that shows them. */
export const rules: readonly Rule[] = [
  ...sshdRules,
  ...userRules,
  ...privilegeRules,
  ...uplinkRules,
  ...firewallRules,
  ...nameRules,
  ...kernelRules,
  ...moduleRules,
  ...initrdRules,
  ...unlockRules,
  ...bootRules,
  ...diskRules,
  ...deletionRules,
  ...statePackageRules,
  ...stateDataRules,
  ...stateSystemRules,
  ...clusterRules,
  ...secretRules,
  ...injectionRules,
  ...serviceRules,
  ...nixRules,
  ...policyRules,
  ...activationRules,
];
