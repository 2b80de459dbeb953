// SPDX-License-Identifier: Apache-2.0
// What is made of measured values: medians, ratios, verdicts, and the table.  Nothing here measures, so tests/bench/ holds
// it to examples.
//
// A row of the table is { goal, what, unit, digits, ours: [...], peer: [...], peerName, limits: [...] }: the values of ours
// and of its peer, one a pair.  A limit is { of: 'ratio' | 'ours' | 'worst', atMost: x } or with atLeast; what a row without
// limits says is for information.  { goal, what, missing: 'why' } is a goal that could not be measured.

// --pairs N, --only 3,4, --quick and the like: { pairs: 5, only: [], quick: false } with what the command line says.
export function parseOptions(options, args) {
	const values = { ...options };
	const whole = (name, text) => {
		if (!/^[1-9][0-9]{0,8}$/.test(text ?? ''))
			throw new Error(`${name} must be a whole number from 1 on`);
		return Number(text);
	};
	for (let i = 0; i < args.length; i++) {
		const name = args[i].replace(/^--/, '');
		if (!args[i].startsWith('--') || !Object.hasOwn(values, name))
			throw new Error(`there is no option ${args[i]}; there are: ${Object.keys(values).map((key) => `--${key}`).join(' ')}`);
		if (typeof values[name] === 'boolean')
			values[name] = true;
		else if (Array.isArray(values[name]))
			values[name] = (args[++i] ?? '').split(',').map((text) => whole(args[i - 1], text));
		else
			values[name] = whole(args[i], args[++i]);
	}
	return values;
}

export function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// The least value that ${part} of all values do not exceed.
export function percentile(values, part) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
}

// "1.23 (1.10–1.40)": the median and the least and greatest; of one value just that.
export function spread(values, digits = 2) {
	const text = (value) => value.toFixed(digits).replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ',');
	return values.length === 1 ? text(values[0])
		: `${text(median(values))} (${text(Math.min(...values))}–${text(Math.max(...values))})`;
}

export function table(rows) {
	const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
	const line = (row) => `| ${row.map((text, column) => text.padEnd(widths[column])).join(' | ')} |`;
	return [line(rows[0]), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.slice(1).map(line)].join('\n');
}

export const ratios = (row) => row.ours.map((value, i) => value / row.peer[i]);

// What a limit looks at: the median of what we measured or of its ratio to the peer, or the worst of what we measured.
function figure(row, limit) {
	if (limit.of === 'ratio')
		return median(ratios(row));
	if (limit.of === 'worst')
		return limit.atMost === undefined ? Math.min(...row.ours) : Math.max(...row.ours);
	return median(row.ours);
}

// 'met', 'missed', 'not measured', or '' for a row that is for information.
export function judge(row) {
	if (row.missing !== undefined)
		return 'not measured';
	if (!row.limits?.length)
		return '';
	return row.limits.every((limit) => limit.atMost === undefined ? figure(row, limit) >= limit.atLeast : figure(row, limit) <= limit.atMost)
		? 'met' : 'missed';
}

function goalText(row) {
	return (row.limits ?? []).map((limit) => {
		const bound = limit.atMost === undefined ? `≥ ${limit.atLeast.toLocaleString('en')}` : `≤ ${limit.atMost.toLocaleString('en')}`;
		return limit.of === 'ratio' ? `${bound}x` : `${limit.of === 'worst' ? 'worst ' : ''}${bound} ${row.unit}`;
	}).join(', ');
}

export function tableOf(rows) {
	return table([['#', 'what', 'ours', 'peer', 'ratio', 'goal', ''], ...rows.map((row) => row.missing !== undefined
		? [String(row.goal), row.what, `not measured: ${row.missing}`, '', '', '', judge(row)]
		: [String(row.goal), row.what, `${spread(row.ours, row.digits)} ${row.unit}`,
			row.peer ? `${row.peerName}: ${spread(row.peer, row.digits)} ${row.unit}` : '',
			row.peer ? `${spread(ratios(row))}x` : '', goalText(row), judge(row)])]);
}
