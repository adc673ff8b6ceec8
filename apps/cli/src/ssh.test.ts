// A sweep on another machine through ssh: an sshd of this test's own on loopback stands for it.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { readdir, readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'
import { sweepOutcome } from './testing/sweep-outcome'

const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path))
const installed =
  sshd !== undefined && ['ssh', 'ssh-keygen'].every((name) => spawnSync(name, ['-V']).error === undefined)
if (!installed)
  console.log('sweeps through ssh are not tested: no sshd is installed here (apt-get install openssh-server)')

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

describe.skipIf(!installed)('through ssh', () => {
  let place: Workplace
  let daemon: ChildProcess
  let said = ''
  const at = (...names: readonly string[]) => join(place.folder, ...names)

  beforeAll(async () => {
    place = await makeWorkplace('ssh', { trainCount: 500, testCount: 50 })
    mkdirSync(at('ssh'), { mode: 0o700 })
    for (const name of ['host', 'user'])
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at('ssh', name)])
    writeFileSync(at('ssh', 'authorized'), await readFile(at('ssh', 'user.pub')), { mode: 0o600 })
    const port = await freePort()
    writeFileSync(
      at('ssh', 'sshd_config'),
      `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${at('ssh', 'host')}\nAuthorizedKeysFile ${at('ssh', 'authorized')}\nStrictModes no\nUsePAM no\nPidFile ${at('ssh', 'pid')}\nPasswordAuthentication no\n`,
    )
    // The client's own settings, as a user's ~/.ssh/config would have them.
    mkdirSync(at('bin'))
    writeFileSync(
      at('bin', 'ssh'),
      `#!/bin/sh\nexec /usr/bin/ssh -p ${port} -i ${at('ssh', 'user')} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$@"\n`,
    )
    chmodSync(at('bin', 'ssh'), 0o755)
    if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
    daemon = spawn(sshd ?? '', ['-D', '-e', '-f', at('ssh', 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] })
    daemon.stderr?.on('data', (text: Buffer) => (said += text.toString()))
    for (let n = 0; n < 600 && !said.includes('Server listening'); n++) await wait(50)
    expect(said).toContain('Server listening')
  })
  afterAll(async () => {
    daemon.kill()
    await place.remove()
  })

  test('workers there leave what workers here leave, and stop with checkpoints where the command is stopped', async () => {
    const plan = [
      'sweep',
      '--models',
      'linear,two-layer',
      '--seeds',
      '0,1',
      '--dataset',
      './digits',
      '--epochs',
      process.env['DIGITLAB_ALL'] === '1' ? '200' : '100',
      '--jobs',
      '2',
      '--backend',
      'wasm',
    ]
    const whole = await place.digitlab([...plan, '--out', 'whole'])
    expect(whole.code, whole.err).toBe(0)
    const env = { PATH: `${at('bin')}${delimiter}${process.env['PATH'] ?? ''}` }
    const there = [...plan, '--on', 'ssh', '--hosts', '127.0.0.1', '--out', 'far away']
    let sent = false
    const stopped = await place.digitlab(there, {
      env,
      onErr: (err, child) => void (!sent && err.includes('1/4') && (sent = child.kill('SIGINT'))),
    })
    expect(stopped.code, `${stopped.err}\n${said}`).toBe(130)
    expect((await readdir(at('far away', 'workers'))).length).toBe(0)
    const { code, err } = await place.digitlab(there, { env })
    expect(code, err).toBe(0)
    expect(said).toContain('Accepted publickey')
    expect(await sweepOutcome(at('far away'))).toEqual(await sweepOutcome(at('whole')))
  })

  test('a host that does not answer is said in the words of ssh', async () => {
    mkdirSync(at('closed'))
    writeFileSync(at('closed', 'ssh'), '#!/bin/sh\nexec /usr/bin/ssh -p 9 "$@"\n', { mode: 0o755 })
    const { code, err } = await place.digitlab(
      [
        'sweep',
        '--models',
        'linear',
        '--dataset',
        './digits',
        '--on',
        'ssh',
        '--hosts',
        '127.0.0.1',
        '--out',
        'nowhere',
      ],
      { env: { PATH: `${at('closed')}${delimiter}${process.env['PATH'] ?? ''}` } },
    )
    expect(code).toBe(1)
    expect(err).toMatch(
      /the last one by exit code 255 \(ssh: connect to host 127\.0\.0\.1 port 9: Connection refused\)/,
    )
  })
})
