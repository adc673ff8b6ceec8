// tfjs's tensors in a GPU's memory.
import {
  DataStorage,
  engine,
  KernelBackend,
  util,
  type BackendValues,
  type DataType,
  type TensorInfo,
} from '@tensorflow/tfjs-core'
import { BackendError } from '@digitlab/backends'
import type { Device } from './device'
import type { Precision } from './cuda-backend'
import { createLentGenerators, type LentGenerators } from './lent-generators'

type DataId = TensorInfo['dataId']

interface Stored {
  /** 0 where the tensor is empty. */
  readonly address: number
  readonly bytes: number
  readonly dtype: DataType
  refCount: number
}

/** Bytes of one value; images stay bytes as tfjs's bool. */
export const bytesOf = (dtype: DataType): number => {
  if (dtype === 'float32' || dtype === 'int32') return 4
  if (dtype === 'bool') return 1
  throw new BackendError(`the cuda backend keeps float32, int32 and bool, not ${dtype}: use another backend for it`)
}

/** The type of values, by the number that kernels know it by. */
export const typeNumber = (dtype: DataType): number => {
  bytesOf(dtype)
  return dtype === 'float32' ? 0 : dtype === 'int32' ? 1 : 2
}

/** Values of a type around bytes read from the GPU. */
const around = (buffer: ArrayBuffer, dtype: DataType): Float32Array | Int32Array | Uint8Array =>
  dtype === 'float32' ? new Float32Array(buffer) : dtype === 'int32' ? new Int32Array(buffer) : new Uint8Array(buffer)

/** The tfjs backend: tensors in a GPU's memory, values read without waiting where they are asked for with data(). */
export class CudaTensors extends KernelBackend {
  private readonly stored: DataStorage<Stored>
  /** Where what is disposed of goes instead of being freed, while a computation is recorded. */
  held: DataId[] | undefined
  /** Uploads and reads so far: a computation that made one can't be repeated without the host. */
  transfers = 0
  readonly generators: LentGenerators

  constructor(
    readonly device: Device,
    readonly precision: Precision,
  ) {
    super()
    this.generators = createLentGenerators(device)
    this.stored = new DataStorage(this, engine())
  }

  /** Where a tensor's values lie. */
  address({ dataId }: TensorInfo): number {
    return this.stored.get(dataId).address
  }

  /** A new tensor; its values are whatever lay there. */
  output(shape: readonly number[], dtype: DataType): TensorInfo {
    const dataId = {}
    this.place(dataId, shape, dtype, 1)
    return { dataId, shape: [...shape], dtype }
  }

  private place(dataId: DataId, shape: readonly number[], dtype: DataType, refCount: number): Stored {
    const size = util.sizeFromShape([...shape])
    if (!(size < 2 ** 31))
      throw new BackendError(
        `the cuda backend keeps fewer than 2^31 values in a tensor, [${shape.join(', ')}] has ${size}: use a smaller batch`,
      )
    const bytes = size * bytesOf(dtype)
    const address = bytes === 0 ? 0 : this.device.memory.take(bytes)
    const data = { address, bytes, dtype, refCount }
    this.stored.set(dataId, data)
    return data
  }

  /** The same values under another shape. */
  alias({ dataId }: TensorInfo, shape: readonly number[], dtype: DataType): TensorInfo {
    this.incRef(dataId)
    return { dataId, shape: [...shape], dtype }
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): DataId {
    const dataId = {}
    this.move(dataId, values, shape, dtype, 1)
    return dataId
  }

  override move(dataId: DataId, values: BackendValues, shape: number[], dtype: DataType, refCount: number): void {
    const { address } = this.place(dataId, shape, dtype, refCount)
    this.transfers++
    this.device.upload(address, typed(values, dtype))
  }

  override async read(dataId: DataId): Promise<BackendValues> {
    this.transfers++
    const { address, bytes, dtype } = this.stored.get(dataId)
    return around(await this.device.read(address, bytes)(), dtype)
  }

  override readSync(dataId: DataId): BackendValues {
    this.transfers++
    const { address, bytes, dtype } = this.stored.get(dataId)
    return around(this.device.readNow(address, bytes), dtype)
  }

  override refCount(dataId: DataId): number {
    return this.stored.has(dataId) ? this.stored.get(dataId).refCount : 0
  }

  override incRef(dataId: DataId): void {
    this.stored.get(dataId).refCount++
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.stored.has(dataId)) return true
    const data = this.stored.get(dataId)
    data.refCount--
    if (!force && data.refCount > 0) return false
    if (this.held) {
      this.held.push(dataId)
      return true
    }
    if (data.address !== 0) this.device.memory.give(data.address)
    this.stored.delete(dataId)
    return true
  }

  override numDataIds(): number {
    return this.stored.numDataIds()
  }

  override memory(): { unreliable: boolean; numBytesInGPU: number } {
    return { unreliable: false, numBytesInGPU: this.device.memory.usedBytes }
  }

  override floatPrecision(): 32 {
    return 32
  }

  override epsilon(): number {
    return 1e-7
  }

  override timerAvailable(): boolean {
    return true
  }

  /** The time that the GPU took, with what the calls cost: it is waited for before and after. */
  override async time(run: () => void): Promise<{ kernelMs: number }> {
    this.device.synchronize()
    const from = performance.now()
    run()
    this.device.synchronize()
    return { kernelMs: performance.now() - from }
  }

  override dispose(): void {
    this.generators.dispose()
    this.device.dispose()
  }
}

const typed = (values: BackendValues, dtype: DataType): ArrayBufferView => {
  if (dtype === 'float32')
    return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>)
  if (dtype === 'int32') return values instanceof Int32Array ? values : Int32Array.from(values as ArrayLike<number>)
  return values instanceof Uint8Array ? values : Uint8Array.from(values as ArrayLike<number>)
}
