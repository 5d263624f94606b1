// Lists that the server draws: items are elements with a `data-id`; those that have not changed stay the same elements.

/** Takes in what has changed of a list. Returns the elements that are new. */
export function updateList(list, { order, items = {} }) {
  const present = new Map([...list.children].map((element) => [element.dataset.id, element]));
  const fresh = Object.entries(items).map(([id, markup]) => {
    const element = elementOf(markup);
    present.get(id)?.replaceWith(element);
    present.set(id, element);
    return element;
  });
  if (order) arrange(list, order.map((id) => present.get(id)).filter(Boolean));
  return fresh;
}

/** Moves only what stands elsewhere: whoever has the focus keeps it. */
function arrange(list, elements) {
  const wanted = new Set(elements);
  for (const element of [...list.children]) if (!wanted.has(element)) element.remove();
  let next = list.firstElementChild;
  for (const element of elements) {
    if (element === next) next = next.nextElementSibling;
    else list.insertBefore(element, next);
  }
}

function elementOf(markup) {
  const template = document.createElement('template');
  template.innerHTML = markup;
  return template.content.firstElementChild;
}
