// What the built page keeps in this browser, for tests that look at it or change it.
import type { JSHandle, Page } from 'playwright-core'

type Store = 'runs' | 'checkpoints'

/** What a request answers. Whoever comes first makes the store, the page's lab or this: a database that is opened without it stays without it. */
const asked = <T>(
  page: Page,
  store: Store,
  method: 'put' | 'getAll' | 'getAllKeys',
  values: readonly unknown[] = [],
): Promise<JSHandle<T>> =>
  page.evaluateHandle(
    ([store, method, values]) =>
      new Promise<T>((resolve, reject) => {
        const opening = indexedDB.open(`digitlab-${store}`)
        opening.onupgradeneeded = () => void opening.result.createObjectStore(store)
        opening.onerror = () => reject(new Error('the storage did not open'))
        opening.onsuccess = () => {
          const transaction = opening.result.transaction(store, method === 'put' ? 'readwrite' : 'readonly')
          const held = transaction.objectStore(store) as unknown as Record<string, (...v: unknown[]) => IDBRequest<T>>
          const request = held[method]?.(...values)
          transaction.onerror = () => reject(new Error(`${method}: ${transaction.error?.message}`))
          transaction.oncomplete = () => {
            opening.result.close()
            resolve(request?.result as T)
          }
        }
      }),
    [store, method, values] as const,
  )

/** Puts an entry into a store, as another version or a fault might have. */
export const put = async (page: Page, store: Store, key: string, value: unknown): Promise<void> => {
  await asked(page, store, 'put', [value, key])
}

/** The keys of what is kept. */
export const keptKeys = async (page: Page, store: Store): Promise<string[]> =>
  (await asked<string[]>(page, store, 'getAllKeys')).jsonValue()

/** At which step what is kept of the run stands, 0 where nothing is. */
export const keptStep = async (page: Page): Promise<number> => {
  const kept = await asked<{ stepsTaken: number }[]>(page, 'checkpoints', 'getAll')
  return kept.evaluate(([first]) => first?.stepsTaken ?? 0)
}
