// Runs sent to MLflow. The server here is a stand-in on loopback: it keeps no runs, and checks every request against what MLflow's REST
// documentation says of it. It is not MLflow.
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Validator, type Schema } from '@cfworker/json-schema'
import { parseRun } from '@digitlab/train'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'

const text = { type: 'string' } as const
const whole = { type: 'integer' } as const
const object = (properties: Record<string, Schema>, required: string[]): Schema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
})
const pairs = object({ key: { ...text, maxLength: 250 }, value: text }, ['key', 'value'])

/** Requests as https://mlflow.org/docs/latest/rest-api.html has them (read 2026-11). */
const schemas: Record<string, Schema> = {
  'experiments/create': object({ name: text, artifact_location: text, tags: { type: 'array', items: pairs } }, [
    'name',
  ]),
  'runs/create': object(
    {
      experiment_id: text,
      run_name: text,
      user_id: text,
      start_time: whole,
      tags: { type: 'array', maxItems: 100, items: pairs },
    },
    ['experiment_id'],
  ),
  'runs/log-batch': object(
    {
      run_id: text,
      metrics: {
        type: 'array',
        maxItems: 1000,
        items: object({ key: { ...text, maxLength: 250 }, value: { type: 'number' }, timestamp: whole, step: whole }, [
          'key',
          'value',
          'timestamp',
        ]),
      },
      params: {
        type: 'array',
        maxItems: 100,
        items: object({ key: { ...text, maxLength: 250 }, value: { ...text, maxLength: 6000 } }, ['key', 'value']),
      },
      tags: { type: 'array', maxItems: 100, items: pairs },
    },
    ['run_id'],
  ),
  'runs/update': object(
    {
      run_id: text,
      status: { enum: ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] },
      end_time: whole,
      run_name: text,
    },
    ['run_id'],
  ),
}

interface Request {
  readonly path: string
  readonly body: Record<string, unknown>
}

let place: Workplace
let server: Server
let uri = ''
let requests: Request[] = []
let artifacts: Record<string, string> = {}
let wrong: string[] = []

beforeAll(async () => {
  place = await makeWorkplace('mlflow', { trainCount: 300, testCount: 50 })
  const { code, err } = await place.digitlab([
    'sweep',
    '--models',
    'linear',
    '--seeds',
    '0,1',
    '--epochs',
    '2',
    '--dataset',
    './digits',
    '--out',
    'runs/s1',
  ])
  expect(code, err).toBe(0)
  server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
      const answer = (status: number, body: object) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      const content = Buffer.concat(parts).toString()
      if (request.method === 'PUT' && pathname.startsWith('/api/2.0/mlflow-artifacts/artifacts/')) {
        artifacts[pathname.slice('/api/2.0/mlflow-artifacts/artifacts/'.length)] = content
        return answer(200, {})
      }
      const path = pathname.replace('/api/2.0/mlflow/', '')
      if (request.method === 'GET' && path === 'experiments/get-by-name') {
        const known = requests.find(
          ({ path, body }) => path === 'experiments/create' && body['name'] === searchParams.get('experiment_name'),
        )
        return known
          ? answer(200, { experiment: { experiment_id: '7' } })
          : answer(404, { error_code: 'RESOURCE_DOES_NOT_EXIST' })
      }
      const body = JSON.parse(content) as Record<string, unknown>
      const schema = schemas[path]
      const errors =
        schema && request.method === 'POST'
          ? new Validator(schema).validate(body).errors
          : [{ error: `${request.method} ${path} is none of MLflow's` }]
      wrong.push(...errors.map(({ error }) => `${path}: ${error}`))
      requests.push({ path, body })
      if (path === 'experiments/create') return answer(200, { experiment_id: '7' })
      if (path === 'runs/create') {
        const run_id = `run-${requests.filter((each) => each.path === path).length}`
        return answer(200, { run: { info: { run_id, artifact_uri: `mlflow-artifacts:/7/${run_id}/artifacts` } } })
      }
      return answer(200, {})
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  ;[requests, artifacts, wrong] = [[], {}, []]
})
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve))
  await place.remove()
})

test('where there is no server nothing is lost, and the next step is said', async () => {
  const { code, err } = await place.command(['runs', 'push', 'runs', '--mlflow', 'http://127.0.0.1:9'])
  expect(code).toBe(1)
  expect(err).toMatch(/could not reach MLflow at http:\/\/127\.0\.0\.1:9 \(.*\): start it, or push later/)
})

test('sends every run once: settings, the loss of each step, each epoch, run.json', async () => {
  const { code, out, err } = await place.digitlab([
    'runs',
    'push',
    'runs',
    '--mlflow',
    uri,
    '--experiment',
    'sweep one',
  ])
  expect(code, err).toBe(0)
  expect(wrong).toEqual([])
  expect(out).toBe(`2 runs sent to ${uri}\n`)
  expect(requests.filter(({ path }) => path === 'runs/create').map(({ body }) => body['run_name'])).toEqual([
    'linear seed 0',
    'linear seed 1',
  ])
  const folder = (JSON.parse((await place.command(['runs', '--json'])).out) as { runs: readonly { folder: string }[] })
    .runs[0]!.folder // there are two
  const text = await readFile(join(place.folder, folder, 'run.json'), 'utf8')
  const run = parseRun(text)
  const batches = requests
    .filter(({ path, body }) => path === 'runs/log-batch' && body['run_id'] === 'run-1')
    .map(({ body }) => body)
  const params = batches.flatMap(({ params = [] }) => params as { key: string; value: string }[])
  expect(params).toContainEqual({ key: 'optimizer.learningRate', value: '0.1' })
  const metrics = batches.flatMap(({ metrics = [] }) => metrics as { key: string; value: number; step: number }[])
  expect(metrics.filter(({ key }) => key === 'loss').map(({ value }) => value)).toEqual(run.history.stepLosses)
  expect(metrics.filter(({ key }) => key === 'testAccuracy').map(({ value, step }) => [value, step])).toEqual(
    run.history.epochs.map(({ testAccuracy }, n) => [testAccuracy, (n + 1) * 5]),
  )
  expect(artifacts['7/run-1/artifacts/run.json']).toBe(text)
  expect(requests.filter(({ path }) => path === 'runs/update').map(({ body }) => body['status'])).toEqual([
    'FINISHED',
    'FINISHED',
  ])
  // Again, nothing is sent.
  requests = []
  expect((await place.command(['runs', 'push', 'runs', '--mlflow', uri])).out).toBe(
    `0 runs sent to ${uri}, 2 had been sent before\n`,
  )
  expect(requests).toEqual([])
})

test('train and sweep send what they have written, and no network costs a run', async () => {
  const train = (name: string, address: string) =>
    place.digitlab([
      ...['train', 'linear', '--epochs', '1', '--dataset', './digits', '--no-report', '--out', name],
      ...['--mlflow', address],
    ])
  const away = await train('alone', 'http://127.0.0.1:9')
  expect(away.code, away.err).toBe(0)
  expect(away.err).toContain('not sent: could not reach MLflow at http://127.0.0.1:9')
  expect(away.err).toContain('"digitlab runs push alone --mlflow http://127.0.0.1:9" sends what is left')
  expect(requests).toEqual([])
  expect((await place.command(['runs', 'push', 'alone', '--mlflow', uri])).out).toBe(`1 runs sent to ${uri}\n`)
  const sent = await train('other', uri)
  expect(sent.err).toContain(`1 run sent to ${uri}`)
  const sweep = ['sweep', '--models', 'linear', '--seeds', '7,8', '--epochs', '1', '--dataset', './digits']
  const swept = await place.digitlab([...sweep, '--out', 'runs/s2', '--mlflow', uri])
  expect([swept.code, swept.err]).toEqual([0, expect.stringContaining(`2 runs sent to ${uri}`)])
  expect(wrong).toEqual([])
  expect(requests.filter(({ path }) => path === 'runs/create')).toHaveLength(4)
  const detached = await place.digitlab([...sweep, '--out', 'runs/s3', '--on', 'kubernetes', '--mlflow', uri])
  expect([detached.code, detached.err]).toEqual([1, expect.stringContaining('digitlab runs push runs/s3')])
}, 120_000)

test('refuses what is no address', async () => {
  const { code, err } = await place.command(['runs', 'push', '--mlflow', 'localhost:5000'])
  expect([code, err]).toEqual([
    2,
    'digitlab: --mlflow must be an address such as http://127.0.0.1:5000, not localhost:5000\n',
  ])
})
