// SPDX-License-Identifier: Apache-2.0
// Goal 8: CSV to checked, typed values on one core, by a program that links the server's own code (convert_bench.c).
import { join } from 'node:path';
import { fileA, folder, output } from '../bench.mjs';

export const goals = [8];

export async function* measure({ pairs }) {
	const rounds = JSON.parse(await output(join(folder, '..', 'build', 'bench', 'convert_bench'), [fileA(), String(Math.max(pairs, 3))]));
	yield { goal: 8, what: 'CSV to checked, typed values, one core', unit: 'GB/s', digits: 2, ours: rounds.values, limits: [{ of: 'ours', atLeast: 1.5 }] };
	yield { goal: 8, what: 'tokenizer alone', unit: 'GB/s', digits: 2, ours: rounds.tokens };
}
