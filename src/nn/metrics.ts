// Every metric, by its name in Keras: this namespace is the list that models, files and docs go by.
export * from './metricsAccuracy.ts'
export * from './metricsConfusion.ts'
export * from './metricsCurve.ts'
export * from './metricsOverlap.ts'
export * from './metricsRegression.ts'
