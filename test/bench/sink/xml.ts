/** The content of an XML document of the S3 protocol. */
export type Xml =
  | string
  | number
  | boolean
  | Date
  | readonly Xml[]
  | { readonly [name: string]: Xml };

export function xml(root: string, content: Xml): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(root, content, ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"')}`;
}

/** A list becomes several elements of the same name. */
function element(name: string, content: Xml, attributes = ''): string {
  if (Array.isArray(content))
    return (content as readonly Xml[]).map((one) => element(name, one)).join('');
  return `<${name}${attributes}>${textOf(content)}</${name}>`;
}

function textOf(content: Xml): string {
  if (content instanceof Date) return content.toISOString();
  if (typeof content !== 'object')
    return String(content).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return Object.entries(content)
    .map(([name, inner]: [string, Xml]) => element(name, inner))
    .join('');
}
