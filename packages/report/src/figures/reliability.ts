import { axisX, gridX, gridY, link, rectY, text, dot, axisY } from '@observablehq/plot'
import { calibration, type CalibrationBin } from '../calibration'
import { chart } from '../chart'
import type { RunPredictions } from '../drawn-run'
import type { Figure, FigureOptions } from '../figure'
import { grouped, percent } from '../number-text'
import { percentTick } from './accuracy'

const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]

/** The reliability diagram: accuracy against confidence, with the expected calibration error. */
export const reliabilityFigure = (predictions: RunPredictions, options: FigureOptions = {}): Figure => {
  const { bins, expectedError, meanConfidence, accuracy } = calibration(predictions)
  const filled = bins.filter((bin): bin is CalibrationBin & { confidence: number; accuracy: number } => bin.count > 0)
  const side = meanConfidence > accuracy ? 'more certain than right' : 'less certain than right'
  return chart(
    {
      id: 'reliability',
      title: `Reliability: expected calibration error ${percent(expectedError)}`,
      alt: `Mean confidence ${percent(meanConfidence)} against an accuracy of ${percent(accuracy)}: the model is ${meanConfidence === accuracy ? 'as certain as right' : side} on the whole.`,
      legend: ({ first, second }) => [
        { words: 'share that is right', colour: first, mark: 'band' },
        { words: 'as certain as right', colour: second, mark: 'line', dash: '5 3' },
      ],
      options: ({ first, second, muted, faint, ink }, width) => ({
        height: Math.min(400, Math.max(290, width * 0.7)),
        marginLeft: 52,
        marginRight: 18,
        marginBottom: 42,
        x: { domain: [0, 1] },
        y: { domain: [0, 1] },
        marks: [
          gridY(ticks, { stroke: faint, strokeOpacity: 1 }),
          gridX(ticks, { stroke: faint, strokeOpacity: 1 }),
          axisY(ticks, { color: muted, label: 'accuracy', labelArrow: 'none', tickSize: 0, tickFormat: percentTick }),
          axisX(ticks, {
            color: muted,
            label: 'confidence',
            labelArrow: 'none',
            labelAnchor: 'center',
            tickSize: 0,
            tickFormat: percentTick,
          }),
          rectY(filled, {
            x1: 'from',
            x2: 'to',
            y: 'accuracy',
            fill: first,
            fillOpacity: 0.28,
            stroke: first,
            inset: 1,
            title: ({ from, to, count, correct, confidence, accuracy }: (typeof filled)[number]) =>
              `${percentTick(from)} to ${percentTick(to)}: ${grouped(correct)} of ${grouped(count)} right (${percent(accuracy)}), mean confidence ${percent(confidence)}`,
          }),
          link([0], { x1: 0, y1: 0, x2: 1, y2: 1, stroke: second, strokeWidth: 2, strokeDasharray: '5 3' }),
          dot(filled, { x: 'confidence', y: 'accuracy', fill: first, r: 4 }),
          text(filled, {
            x: ({ from, to }: CalibrationBin) => (from + to) / 2,
            y: 0,
            dy: -9,
            fontSize: width < 440 ? 8.5 : 11,
            fill: ink,
            text: ({ count }: CalibrationBin) => (width < 440 ? brief(count) : grouped(count)),
          }),
        ],
      }),
    },
    options,
  )
}

/** 9513, 12k: what fits into a bar on a phone. */
const brief = (count: number): string => (count < 10_000 ? String(count) : `${Math.round(count / 1000)}k`)
