/** Addresses and networks, IPv4 and IPv6, as numbers. Pure. */

export interface Network {
  /** Of 128 bits; an IPv4 address is its IPv4-mapped one, so that both forms of a peer's address are the same. */
  readonly address: bigint;
  /** Leading bits that count, of 128. */
  readonly prefix: number;
}

const BITS = 128;
const MAPPED = 0xffffn << 32n;
const MAPPED_BITS = 96;

/** Reads `10.0.0.0/8`, `fd00::/8` or an address alone; undefined for anything else. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined || text.includes("%")) return undefined;
  if (slash === -1) return { address, prefix: BITS };
  const length = text.slice(slash + 1);
  const offset = text.includes(":") ? 0 : MAPPED_BITS;
  const prefix = Number(length) + offset;
  return /^(?:0|[1-9]\d{0,2})$/.test(length) && prefix <= BITS ? { address, prefix } : undefined;
}

/** Whether an address is in a network. `::/0` is every IPv6 address, and no IPv4 one. */
export function contains(network: Network, address: bigint): boolean {
  if (isMapped(address) && network.prefix < MAPPED_BITS) return false;
  const shift = BigInt(BITS - network.prefix);
  return address >> shift === network.address >> shift;
}

/** Reads an IPv4 or IPv6 address, a zone (`%eth0`) left out; undefined for anything else. */
export function parseAddress(text: string): bigint | undefined {
  if (!text.includes(":")) return mapped(parseIPv4(text));
  const [bare = "", ...zones] = text.split("%");
  return zones.length > 1 ? undefined : parseIPv6(bare);
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: bigint): boolean {
  return address === 1n || (isMapped(address) && (address >> 24n & 0xffn) === 127n);
}

/** 0.0.0.0 and ::, which as the address of a server mean all of the machine's. */
export function isUnspecified(address: bigint): boolean {
  return address === 0n || address === MAPPED;
}

function isMapped(address: bigint): boolean {
  return address >> 32n === MAPPED >> 32n;
}

function mapped(address: bigint | undefined): bigint | undefined {
  return address === undefined ? undefined : MAPPED | address;
}

function parseIPv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let address = 0n;
  for (const part of parts) {
    // No leading zero: some readers take it for octal.
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = address << 8n | BigInt(part);
  }
  return address;
}

function parseIPv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  const [head, tail = []] = groups;
  if (!head || groups.includes(undefined)) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array.from({ length: missing }, () => 0n), ...tail];
  return all.reduce((address, group) => address << 16n | group, 0n);
}

/** Groups of 16 bits; the last may be an IPv4 address, which makes two. */
function parseGroups(text: string, last: boolean): bigint[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: bigint[] = [];
  for (const [index, part] of parts.entries()) {
    if (last && index === parts.length - 1 && part.includes(".")) {
      const address = parseIPv4(part);
      if (address === undefined) return undefined;
      groups.push(address >> 16n, address & 0xffffn);
    } else if (/^[\da-fA-F]{1,4}$/.test(part)) {
      groups.push(BigInt(`0x${part}`));
    } else {
      return undefined;
    }
  }
  return groups;
}
