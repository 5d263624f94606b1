// Everything that a process could print of a value.
import { inspect } from 'node:util';

/** All that can be seen of a value by any logger: as text, as JSON, inspected to the ground, and every property of it. */
export function everythingOf(value) {
  const texts = [];
  const seen = new Set();
  const look = (at, path) => {
    if (typeof at === 'string') texts.push(`${path} = ${at}`);
    if ((typeof at !== 'object' && typeof at !== 'function') || at === null || seen.has(at)) return;
    seen.add(at);
    texts.push(
      attempt(() => String(at)),
      attempt(() => JSON.stringify(at)),
    );
    if (ArrayBuffer.isView(at)) return;
    if (at instanceof Map || at instanceof Set) for (const entry of at) look(entry, `${path}[]`);
    for (let owner = at; owner && !BUILT_IN.has(owner); owner = Object.getPrototypeOf(owner)) {
      for (const name of Reflect.ownKeys(owner)) {
        const property = Object.getOwnPropertyDescriptor(owner, name);
        texts.push(String(name));
        look(property && 'value' in property ? property.value : attempt(() => at[name]), `${path}.${String(name)}`);
      }
    }
  };
  look(value, '');
  texts.push(
    attempt(() => inspect(value, { showHidden: true, depth: Infinity, maxArrayLength: null, maxStringLength: null })),
  );
  return texts.filter((text) => typeof text === 'string').join('\n');
}

const BUILT_IN = new Set([Object.prototype, Function.prototype, Array.prototype, Map.prototype, Set.prototype]);

function attempt(read) {
  try {
    return read();
  } catch (error) {
    return String(error);
  }
}
