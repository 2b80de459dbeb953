// SPDX-License-Identifier: Apache-2.0
// What bench/ makes of measured values: a wrong verdict would be worse than none.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { drawing } from '../../bench/drawing.mjs';
import { judge, median, parseOptions, percentile, spread, tableOf } from '../../bench/figures.mjs';

const root = resolve(import.meta.dirname ?? decodeURIComponent(new URL('.', import.meta.url).pathname), '../..');

test('medians, percentiles and spreads', () => {
	assert.equal(median([3, 1, 2]), 2);
	assert.equal(median([4, 1, 2, 3]), 2.5);
	assert.equal(percentile([1, 2, 3, 4], 0.5), 2);
	assert.equal(percentile(Array.from({ length: 200 }, (_, i) => i + 1), 0.99), 198);
	assert.equal(percentile([7], 0.99), 7);
	assert.equal(spread([1.234]), '1.23');
	assert.equal(spread([1, 3, 2], 1), '2.0 (1.0–3.0)');
	assert.equal(spread([1234567.5, 1234567.5], 0), '1,234,568 (1,234,568–1,234,568)');
	assert.equal(spread([1234.5678], 3), '1,234.568');
});

test('a ratio is one of pairs, and its median is what a limit looks at', () => {
	const row = { ours: [1, 9, 10], peer: [2, 10, 10], limits: [{ of: 'ratio', atMost: 0.9 }] };
	assert.equal(judge(row), 'met');	// 0.5, 0.9, 1
	assert.equal(judge({ ...row, limits: [{ of: 'ratio', atMost: 0.89 }] }), 'missed');
	assert.equal(judge({ ...row, limits: [{ of: 'ratio', atLeast: 0.91 }] }), 'missed');
	assert.equal(judge({ ...row, limits: [{ of: 'ratio', atMost: 1 }, { of: 'ours', atMost: 8 }] }), 'missed');
});

test('limits of ours and of the worst', () => {
	const row = { ours: [1, 2, 30] };
	assert.equal(judge({ ...row, limits: [{ of: 'ours', atMost: 2 }] }), 'met');
	assert.equal(judge({ ...row, limits: [{ of: 'ours', atMost: 1.9 }] }), 'missed');
	assert.equal(judge({ ...row, limits: [{ of: 'worst', atMost: 29 }] }), 'missed');
	assert.equal(judge({ ...row, limits: [{ of: 'worst', atMost: 30 }] }), 'met');
	assert.equal(judge({ ...row, limits: [{ of: 'worst', atLeast: 2 }] }), 'missed');
	assert.equal(judge(row), '');
});

test('what was not measured is not met', () => {
	assert.equal(judge({ goal: 3, what: 'x', missing: 'no wrk' }), 'not measured');
	assert.match(tableOf([{ goal: 3, what: 'x', missing: 'no wrk' }]), /not measured: no wrk/);
});

test('the table', () => {
	assert.equal(tableOf([{ goal: 1, what: 'PUT', unit: 's', digits: 1, ours: [1, 2], peer: [1, 1], peerName: 'bare', limits: [{ of: 'ratio', atMost: 1.25 }] }]), [
		'| # | what | ours            | peer                  | ratio             | goal    |        |',
		'|---|------|-----------------|-----------------------|-------------------|---------|--------|',
		'| 1 | PUT  | 1.5 (1.0–2.0) s | bare: 1.0 (1.0–1.0) s | 1.50 (1.00–2.00)x | ≤ 1.25x | missed |',
	].join('\n'));
});

test('options', () => {
	const known = { pairs: 5, only: [], quick: false };
	assert.deepEqual(parseOptions(known, ['--only', '3,10', '--quick']), { pairs: 5, only: [3, 10], quick: true });
	assert.deepEqual(parseOptions(known, ['--pairs', '7']), { pairs: 7, only: [], quick: false });
	for (const args of [['--pairs'], ['--pairs', '0'], ['--pairs', 'x'], ['--only', ''], ['--slow'], ['quick']])
		assert.throws(() => parseOptions(known, args), /whole number|there is no option/, args.join(' '));
});

test('a drawing places powers of ten at even steps', () => {
	const svg = drawing({ title: 'a < b', across: 'rows', up: 'seconds', limit: 10, setting: 'here', lines: [['ours', [[1, 1], [10, 10], [100, 100]]]] });
	assert.match(svg, /<path d="M76\.0 384\.0L323\.0 216\.0L570\.0 48\.0" fill="none"/);
	assert.match(svg, /M76 216\.0H570" stroke="#b00"/);
	assert.match(svg, />a &lt; b<\/text>/);
	assert.doesNotMatch(svg, /NaN|undefined/);

	const two = drawing({ title: 't', across: 'a', up: 'u', setting: 's', lines: [['lower', [[1, 1], [100, 9.9]]], ['upper', [[1, 1], [100, 10]]]] });
	const [lower, upper] = ['lower', 'upper'].map((name) => Number(new RegExp(`y="([\\d.]+)" fill="[^"]*">${name}<`).exec(two)[1]));
	assert.ok(lower - upper >= 15, `${lower} and ${upper}`);
});

test('make_orders writes what the example writes, byte for byte', () => {
	const work = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
	try {
		execFileSync('cc', ['-std=c17', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror', join(root, 'bench/make_orders.c'), '-o', join(work, 'make')]);
		for (const args of [['3000', '1'], ['100', '99999950'], ['1', '615001'], ['0', '1']])
			assert.deepEqual(execFileSync(join(work, 'make'), args), execFileSync(join(root, 'examples/ecomm/make-orders'), args), args.join(' '));
	} finally {
		rmSync(work, { recursive: true });
	}
});
