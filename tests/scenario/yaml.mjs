// SPDX-License-Identifier: Apache-2.0
// The part of YAML that src/api/openapi.yaml keeps to: block mappings and sequences, flow ones on one line, plain and "double quoted"
// texts, and texts folded with >-.  Anything else is refused, so that what is read here is what every YAML reader reads.

const scalar = (text) => text === 'null' ? null : text === 'true' ? true : text === 'false' ? false : /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;

// The flow value at the beginning of ${text}: [value, what stands behind it].
function flow(text, inFlow = true) {
	if (text[0] === '"') {
		const [whole] = text.match(/^"(?:[^"\\]|\\.)*"/) ?? fail(text);
		return [JSON.parse(whole), text.slice(whole.length)];
	}
	if (text[0] === '[' || text[0] === '{')
		return collection(text);
	const [whole] = text.match(inFlow ? /^[^,[\]{}#&*!|>'"%@`]+/ : /^[^[\]{}#&*!|>'"%@`-][^#]*/) ?? fail(text);
	if (/: |:$/.test(whole))
		fail(text);
	return [scalar(whole.trimEnd()), text.slice(whole.length)];
}

function collection(text) {
	const isMap = text[0] === '{', end = isMap ? '}' : ']';
	const items = isMap ? {} : [];
	let rest = text.slice(1), value;
	while (rest[0] !== end) {
		let key;
		if (isMap) {
			const [whole, quoted, plain] = rest.match(/^(?:("[^"\\]*")|([$\w-]+)): /) ?? fail(text);
			key = quoted ? JSON.parse(quoted) : plain;
			if (key in items)
				fail(`${key} twice: ${text}`);
			rest = rest.slice(whole.length);
		}
		[value, rest] = flow(rest);
		if (isMap)
			items[key] = value;
		else
			items.push(value);
		if (rest.startsWith(', '))
			rest = rest.slice(2);
		else if (rest[0] !== end)
			fail(text);
	}
	return [items, rest.slice(1)];
}

function fail(what) {
	throw new Error(`not of the YAML that this file may use: ${what}`);
}

function whole(text) {
	const [value, rest] = flow(text, false);
	return rest === '' ? value : fail(text);
}

export function parseYaml(source) {
	const lines = source.split('\n').filter((line) => line.trim() !== '' && !/^ *#/.test(line)).map((line) => {
		if (/\t|\r| $/.test(line))
			fail(line);
		const depth = line.search(/[^ ]/);
		return { depth, text: line.slice(depth) };
	});
	let at = 0;

	// What a key or a dash is followed by.
	function value(text, depth) {
		if (text === '>-') {
			const words = [];
			while (at < lines.length && lines[at].depth > depth)
				words.push(lines[at++].text);
			return words.join(' ');
		}
		if (text !== '')
			return whole(text);
		return at < lines.length && lines[at].depth > depth ? block(lines[at].depth) : fail('a key without a value');
	}

	function block(depth) {
		const isList = /^- /.test(lines[at].text), items = isList ? [] : {};
		while (at < lines.length && lines[at].depth === depth) {
			const { text } = lines[at];
			if (isList !== /^- /.test(text))
				fail(text);
			if (isList) {
				// "- key: value" begins a mapping two columns further in.
				if (/^- ("[^"\\]*"|[$\w/{}.-]+):( |$)/.test(text)) {
					lines[at] = { depth: depth + 2, text: text.slice(2) };
					items.push(block(depth + 2));
				} else {
					at++;
					items.push(value(text.slice(2), depth));
				}
				continue;
			}
			const [, quoted, plain, rest] = text.match(/^(?:("[^"\\]*")|([$\w/{}.-]+)):(?: (.*))?$/) ?? fail(text);
			const key = quoted ? JSON.parse(quoted) : plain;
			if (key in items)
				fail(`${key} twice`);
			at++;
			items[key] = value(rest ?? '', depth);
		}
		if (at < lines.length && lines[at].depth > depth)
			fail(lines[at].text);
		return items;
	}

	const document = block(0);
	return at === lines.length ? document : fail(lines[at].text);
}
