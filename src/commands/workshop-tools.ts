import type { ToolGroup } from "../goal/goal.ts";
import { flakeOption, flakeOptionDocs, flakePlan } from "../tools/flake-option.ts";
import { repositoryEdit, repositoryRemove, repositoryWrite } from "../tools/repository-edit.ts";
import { repositoryList, repositoryRead, repositorySearch } from "../tools/repository-read.ts";
import { bound, type Tool } from "../tools/tool.ts";
import type { Workshop } from "./workshop.ts";

/** What a session may ask of its copy, by the groups that it has leave for. */
export function workshopTools({ repository, flake }: Workshop, groups: readonly ToolGroup[]): readonly Tool<undefined>[] {
  return [
    ...(groups.includes("repository") || groups.includes("edit")
      ? bound([repositoryList, repositoryRead, repositorySearch], repository)
      : []),
    ...(groups.includes("options") ? bound([flakeOption, flakeOptionDocs], flake) : []),
    ...(groups.includes("plan") ? bound([flakePlan], flake) : []),
    ...(groups.includes("edit") ? bound([repositoryWrite, repositoryEdit, repositoryRemove], repository) : []),
  ];
}
