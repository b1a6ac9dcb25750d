// The files of a checkpoint at an address: what folders are in Node, a page fetches.

/** The address of a file, relative ones counted from the page's. */
export const addressOf = (base: string, name: string): string => new URL(name, new URL(base.endsWith('/') ? base : `${base}/`, location.href)).href

/** Fetches a file. @throws naming the address and the server's answer. */
export async function fetchFile(address: string): Promise<Response> {
  const response = await fetch(address).catch((cause: unknown) => {
    throw new Error(`${address}: cannot be fetched (${(cause as Error).message}); is the address right, and does its server let this page read it?`, {
      cause,
    })
  })
  if (!response.ok) throw new Error(`${address}: the server answered ${response.status}; expected a file of a checkpoint here`)
  return response
}

/** A file that need not be there. A server that answers unknown addresses with its start page has not got it either. */
export async function fetchOptional(address: string): Promise<Response | undefined> {
  const response = await fetch(address).catch(() => undefined)
  return response?.ok && !response.headers.get('content-type')?.startsWith('text/html') ? response : undefined
}
