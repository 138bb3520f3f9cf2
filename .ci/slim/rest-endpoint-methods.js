/** octokit's tables of methods by name, for the bundle: forges are asked by route alone (`GET /repos/{owner}/{repo}`), which both of them know, so none is called. */
export const restEndpointMethods = () => ({});
export const legacyRestEndpointMethods = () => ({});
