/** Long lists put together without filling the stack. */

/**
 * Adds items at the end of a list, one by one. `list.push(...items)` hands each item over as an argument, and a list
 * that a client or a provider made long (from about 100,000 items on) is more than the stack holds.
 */
export function append<Item>(list: Item[], items: Iterable<Item>): void {
  for (const item of items) list.push(item);
}
