/** The models that a caller may use, in a shape that the clients of every dialect read. */

import { permit, type Policy, type Principal } from "../access/policy.ts";

/** Neither API leaves the date out, and we know none: both allow the epoch for that. */
const EPOCH = { created: 0, created_at: "1970-01-01T00:00:00Z" };

interface Model {
  readonly id: string;
  readonly object: "model";
  readonly type: "model";
  readonly display_name: string;
  readonly owned_by: string;
  readonly created: number;
  readonly created_at: string;
}

/** All that the caller may ask for by name; failover targets that only an entry names are not among them. */
export function listModels(policy: Policy, principal: Principal): object {
  const routes = [...policy.users.get(principal.user)?.routes.values() ?? []];
  const data = routes.map(({ requested, targets }) => modelOf(requested, targets[0]?.upstream.name ?? ""));
  return {
    object: "list",
    data,
    has_more: false,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}

/**
 * One of them.
 * @param name as it stands in the path, percent-encoded
 * @throws GatewayError `model_not_found`
 */
export function showModel(policy: Policy, principal: Principal, name: string): object {
  const { requested, targets } = permit(policy, principal, decoded(name));
  return modelOf(requested, targets[0]?.upstream.name ?? "");
}

function modelOf(name: string, provider: string): Model {
  return { id: name, object: "model", type: "model", display_name: name, owned_by: provider, ...EPOCH };
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
