// A few of many, for measurements that need not see all.

/** At most n of them, evenly spread, in their order. */
export const evenSample = <T>(all: readonly T[], n: number): T[] =>
  all.length <= n ? [...all] : Array.from({ length: n }, (_, i) => all[Math.floor((i * all.length) / n)]!)
