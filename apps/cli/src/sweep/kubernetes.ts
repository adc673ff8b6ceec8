// A sweep as a Kubernetes Indexed Job: printed, for "kubectl apply".
import { basename, resolve } from 'node:path'
import { version } from '../../package.json'

/**
 * The manifest of a job whose pods work at a sweep. A pod that is evicted stops with a checkpoint, and another takes its place. JSON
 * strings are YAML, whatever is in them.
 */
export const kubernetesJob = (
  folder: string,
  { jobs, gpus, cpus }: { readonly jobs: number; readonly gpus?: number; readonly cpus: number },
): string => {
  const path = resolve(folder)
  const name = `digitlab-${basename(path)}`
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/-+$/, '')
    .slice(0, 50)
  return `# Every pod needs the sweep's folder at the same place: put the name of your volume's claim below, and copy what is in
# ${JSON.stringify(path)} there. The data set is fetched by each pod unless it lies on the volume too.
apiVersion: batch/v1
kind: Job
metadata:
  name: ${JSON.stringify(name)}
spec:
  completionMode: Indexed
  completions: ${jobs}
  parallelism: ${jobs}
  backoffLimit: ${5 * jobs}
  # An eviction or a preemption is no failure.
  podFailurePolicy:
    rules:
      - action: Ignore
        onPodConditions:
          - type: DisruptionTarget
  template:
    spec:
      restartPolicy: Never
      # Time for a checkpoint.
      terminationGracePeriodSeconds: 90
      containers:
        - name: worker
          image: node:22
          # exec, so that the signal reaches the worker and not a shell.
          command: ["sh", "-c", ${JSON.stringify(`exec npx --yes digitlab@${version} sweep work "$0" --index "$JOB_COMPLETION_INDEX"`)}, ${JSON.stringify(path)}]
          resources:
            requests:
              cpu: ${JSON.stringify(String(cpus))}
            limits:
              cpu: ${JSON.stringify(String(cpus))}${gpus === undefined ? '' : `\n              nvidia.com/gpu: ${gpus}`}
          volumeMounts:
            - name: sweep
              mountPath: ${JSON.stringify(path)}
      volumes:
        - name: sweep
          persistentVolumeClaim:
            claimName: CLAIM
`
}
