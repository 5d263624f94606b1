import vectors from './vectors.json' with { type: 'json' };

type Values = (name: string) => string;

/** A vector of the platform's documents, of its own code or of other people's; the file names the source. */
export interface Vector {
  readonly id: string;
  readonly inputs: Values;
  readonly expected: Values;
}

export function vectorsOf(...kinds: readonly string[]): Vector[] {
  return vectors
    .filter((vector) => kinds.includes(vector.kind))
    .map(({ id, inputs, expected }) => ({ id, inputs: valuesOf(inputs), expected: valuesOf(expected) }));
}

export function vector(id: string): Vector {
  const found = vectors.find((each) => each.id === id);
  if (!found) throw new Error(`no vector ${id}`);
  return { id, inputs: valuesOf(found.inputs), expected: valuesOf(found.expected) };
}

function valuesOf(values: object): Values {
  return (name) => {
    const value = (values as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) throw new Error(`the vector has no ${name}`);
    return String(value);
  };
}
