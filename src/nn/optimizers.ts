// Every optimiser, by its name in Keras: this namespace is the list that models, files and docs go by.
export * from './optimizersAdam.ts'
export * from './optimizersGradient.ts'
export * from './optimizersMemory.ts'
export * from './optimizersWhole.ts'
