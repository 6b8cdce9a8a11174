/** What a model file can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Settings of an activation, loss, optimiser or initialiser by name. */
export type Params = Readonly<Record<string, number | boolean>>
