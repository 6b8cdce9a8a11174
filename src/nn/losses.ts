// Every loss, by its name in Keras: this namespace is the list that models, files and docs go by.
export * from './lossesClassification.ts'
export * from './lossesMargin.ts'
export * from './lossesOverlap.ts'
export * from './lossesPairs.ts'
export * from './lossesRegression.ts'
export * from './lossesSequence.ts'
