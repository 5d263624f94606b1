import vectors from './vectors.json' with { type: 'json' };

/** Vectors of the platform's documents and of other people's software, with their sources. */
export function vectorsOf(kind: string): { readonly id: string; readonly inputs: Values; readonly expected: Values }[] {
  return vectors
    .filter((vector) => vector.kind === kind)
    .map(({ id, inputs, expected }) => ({ id, inputs: valuesOf(inputs), expected: valuesOf(expected) }));
}

/** One of them. */
export function vector(id: string): { readonly inputs: Values; readonly expected: Values } {
  const found = vectors.find((each) => each.id === id);
  if (!found) throw new Error(`no vector ${id}`);
  return { inputs: valuesOf(found.inputs), expected: valuesOf(found.expected) };
}

type Values = (name: string) => string;

function valuesOf(values: object): Values {
  return (name) => {
    const value = (values as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) throw new Error(`the vector has no ${name}`);
    return String(value);
  };
}
