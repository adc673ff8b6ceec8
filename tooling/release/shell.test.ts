import { expect, test } from 'vitest'
import { attempt, run } from './shell'

const node = (program: string) => [process.execPath, '-e', program]

test('a program is run to its end, whatever that is', async () => {
  const done = await attempt(node('console.log(1); console.error(2); process.exitCode = 3'))
  expect(done).toEqual({ status: 3, stdout: '1\n', stderr: '2\n' })
  expect(await run(node('console.log(1)'))).toBe('1\n')
})

test('one that has to succeed and does not is told of, with what it said last', async () => {
  await expect(run(node('console.error("because"); process.exitCode = 3'))).rejects.toThrow(
    /ended with exit status 3; it said:\nbecause$/,
  )
  await expect(run(['digitlab-has-no-such-program'])).rejects.toThrow('could not run digitlab-has-no-such-program')
})

test('one that takes too long is ended, with what it started', async () => {
  // It holds the pipes open, so that what it says is heard as long as it lives.
  const slow = 'console.log("started"); setTimeout(() => console.log("survived"), 6000)'
  const parent = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(slow)}], { stdio: "inherit" })`
  await expect(attempt(node(parent), { seconds: 3 })).rejects.toThrow(
    /took more than 3 s and was ended; it said:\nstarted$/,
  )
})
