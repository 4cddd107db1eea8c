/** What may follow an affine map: in `linear` itself, or as op `activation`. */
export type Activation = "none" | "relu" | "sigmoid";

export const activations: Readonly<Record<Activation, (x: number) => number>> = {
  none: (x) => x,
  relu: (x) => Math.max(x, 0),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

/** Derivatives as functions of the activation's own output. */
export const slopes: Readonly<Record<Activation, (y: number) => number>> = {
  none: () => 1,
  relu: (y) => (y > 0 ? 1 : 0),
  sigmoid: (y) => y * (1 - y),
};
