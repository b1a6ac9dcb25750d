// Names of remote checkpoints and of the files in them. Whatever comes from outside (a name typed, a list of files from a server) is checked here before
// it becomes a path: nothing may lead out of its folder.

/** `owner/name` or `name`, each of letters, digits, `-`, `_` and `.`, not beginning with a dot. */
const pattern = /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)?$/

/** Whether a text can be the name of a remote checkpoint. */
export const isRemoteName = (text: string): boolean => text.length <= 96 && pattern.test(text)

/** @throws where the name is none. */
export function checkRemoteName(name: string): void {
  if (!isRemoteName(name))
    throw new Error(
      `${JSON.stringify(name)} is no name of a checkpoint: expected owner/name (letters, digits, - _ .), for example sentence-transformers/all-MiniLM-L6-v2`,
    )
}

/**
 * A file's path inside its checkpoint, with `/` between its parts.
 *
 * @throws where it would lead out of the folder, or is no plain relative path (the server or its list cannot be trusted).
 */
export function checkFilePath(path: string, where: string): void {
  const parts = path.split('/')
  const bad = path === '' || /[\\:\0]/.test(path) || parts.some((part) => part === '' || part === '.' || part === '..')
  if (bad)
    throw new Error(
      `${where}: it lists a file ${JSON.stringify(path)}, which is no path inside the checkpoint; nothing was written. Do not use this source.`,
    )
}

/** A revision is a branch, a tag or a commit. @throws where it is none. */
export function checkRevision(revision: string): void {
  if (!/^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._/-]*$/.test(revision))
    throw new Error(`revision ${JSON.stringify(revision)}: expected a branch, a tag or a commit`)
}
