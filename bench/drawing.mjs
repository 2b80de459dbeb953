// SPDX-License-Identifier: Apache-2.0
// A chart of lines with both axes logarithmic, as SVG text; tests/bench/ holds it to an example.
const WIDTH = 760, HEIGHT = 440, LEFT = 76, RIGHT = 190, TOP = 48, BOTTOM = 56;
const COLOURS = ['#0b6e4f', '#c8553d', '#33658a', '#9067c6'];

const escape = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;');

// The powers of ten from the one at or below the least value to the one at or above the greatest.
function decades(values) {
	const first = Math.floor(Math.log10(Math.min(...values))), last = Math.ceil(Math.log10(Math.max(...values)));
	return Array.from({ length: Math.max(last, first + 1) - first + 1 }, (_, i) => first + i);
}

// 0.01, 1, 10 k, 10 M
function decadeText(power) {
	if (power < 0)
		return (10 ** power).toFixed(-power);
	return power < 3 ? String(10 ** power) : power < 6 ? `${10 ** (power - 3)} k` : `${10 ** (power - 6)} M`;
}

// The places of names moved down until none lies on another.
function apart(places) {
	const result = [...places];
	let least = -Infinity;
	for (const i of places.map((_, index) => index).sort((a, b) => places[a] - places[b])) {
		result[i] = Math.max(places[i], least);
		least = result[i] + 15;
	}
	return result;
}

// lines: [name, [[x, y], …]] each; limit: a y to mark, or none.
export function drawing({ title, across, up, lines, limit, setting }) {
	const points = lines.flatMap(([, points]) => points);
	const xs = decades(points.map(([x]) => x)), ys = decades([...points.map(([, y]) => y), ...limit ? [limit] : []]);
	const place = (value, [first, ...rest], from, to) => from + (Math.log10(value) - first) / (rest.at(-1) - first) * (to - from);
	const atX = (x) => place(x, xs, LEFT, WIDTH - RIGHT).toFixed(1), atY = (y) => place(y, ys, HEIGHT - BOTTOM, TOP).toFixed(1);
	const text = (x, y, words, more = '') => `<text x="${x}" y="${y}" ${more}>${escape(words)}</text>`;
	const out = [`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13" fill="#222" role="img" aria-label="${escape(title)}">`,
		`<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`, text(LEFT, 26, title, 'font-size="17"')];
	for (const power of xs)
		out.push(`<path d="M${atX(10 ** power)} ${TOP}V${HEIGHT - BOTTOM}" stroke="#ddd"/>`, text(atX(10 ** power), HEIGHT - BOTTOM + 18, decadeText(power), 'text-anchor="middle"'));
	for (const power of ys)
		out.push(`<path d="M${LEFT} ${atY(10 ** power)}H${WIDTH - RIGHT}" stroke="#ddd"/>`, text(LEFT - 8, Number(atY(10 ** power)) + 4, decadeText(power), 'text-anchor="end"'));
	if (limit)
		out.push(`<path d="M${LEFT} ${atY(limit)}H${WIDTH - RIGHT}" stroke="#b00" stroke-dasharray="6 4"/>`, text(WIDTH - RIGHT + 8, Number(atY(limit)) + 4, 'goal', 'fill="#b00"'));
	const nameYs = apart(lines.map(([, line]) => Number(atY(line.at(-1)[1])) + 4));
	lines.forEach(([name, line], i) => {
		const [lastX] = line.at(-1), colour = COLOURS[i % COLOURS.length];
		out.push(`<path d="M${line.map(([x, y]) => `${atX(x)} ${atY(y)}`).join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
			...line.map(([x, y]) => `<circle cx="${atX(x)}" cy="${atY(y)}" r="3" fill="${colour}"/>`),
			text(Number(atX(lastX)) + 8, nameYs[i], name, `fill="${colour}"`));
	});
	out.push(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18, across, 'text-anchor="middle"'),
		text(20, (TOP + HEIGHT - BOTTOM) / 2, up, `text-anchor="middle" transform="rotate(-90 20 ${(TOP + HEIGHT - BOTTOM) / 2})"`),
		text(WIDTH - 8, HEIGHT - 4, setting, 'text-anchor="end" font-size="9" fill="#777"'), '</svg>');
	return `${out.join('\n')}\n`;
}
