// The share of images whose class is among the two most probable ones.
import { defineMetric } from '@digitlab/train'

export const topTwo = defineMetric({
  name: 'topTwo',
  of({ labels, probabilities, classes }) {
    const found = Array.from(labels).filter((label, i) => {
      const row = probabilities.subarray(i * classes, (i + 1) * classes)
      return row.filter((probability) => probability > (row[label] ?? 0)).length < 2
    })
    return found.length / labels.length
  },
})
