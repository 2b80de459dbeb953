// SPDX-License-Identifier: Apache-2.0
// The public data sets of script/try-datasets: where each comes from, and what a person who knows it would say about it.
//
//	file	in the package
//	fields	name and type of each column in the file's order, all strings unless said; the file's own header, where it
//		has one, is replaced by these names, as ours may hold no spaces and dots
//	types	of some columns, where fields is only the names
//	key	the primary key.  "row": the file has none, so each record is given its number in front
//	header	false: the file has none
//	required	fields that must not be blank
//	fails	which records must fail, in SQLite's SQL over the columns as text; by default none
//	why	those fail

export const packages = {
	vega: {
		name: 'vega-datasets@3.2.1',
		integrity: 'sha512-lTSwZA6yq6qSU2YZm+6bqILiIvTPPxn4itir7jPGFmHIdPvUfQ9pCzzcrklYywMJgLUbaIeSkZQdiJd6wBxPug==',
	},
	observable: {
		name: '@observablehq/sample-datasets@1.0.1',
		integrity: 'sha512-2gc2wteMytPgDalqUPdLHEFInNb8J3vI17oniIYS89B1iwuO4EPXNWgzpfryyB4CH35CpXL0BgHfVeI+qICWwA==',
	},
	countries: {
		name: 'world-countries@5.1.0',
		integrity: 'sha512-CXR6EBvTbArDlDDIWU3gfKb7Qk0ck2WNZ234b/A0vuecPzIfzzxH+O6Ejnvg1sT8XuiZjVlzOH0h08ZtaO7g0w==',
	},
	asn: {
		name: '@ip-location-db/asn@2.3.2025041118',
		integrity: 'sha512-h2n71Wri1O4DPQB91jo94tngKlb7Ra2iKuh8ECNQ3Qq/tu6TsovEGCTFtR/Rh5wixdQ0j1IUbATIwp+CTXzb9w==',
	},
	csvtojson: {
		name: 'csvtojson@2.0.10',
		integrity: 'sha512-lUWFxGKyhraKCW8Qghz6Z0f2l/PqB1W3AO0HKJzGIQ5JRSlR651ekJDiGJbBT4sRNNv5ddnSGVEnsxP9XRCVpQ==',
	},
	spectrum: {
		name: 'csv-spectrum@2.0.0',
		integrity: 'sha512-gjW9YEAkcrJo4AEdrV9+4lkUXlOyYyC+1Ap3efzMiUUs1OTdZ29VraBZNBBKZK7iiUkbMNkUmfKp/jnayzHxAA==',
	},
};

// "name type, name type, name": a column a comma.
const columns = (text) => text.split(',').map((column) => {
	const [name, type = 'string'] = column.trim().split(' ');
	return { name, type };
});

export const sets = [
	{
		name: 'airports', package: 'vega', file: 'data/airports.csv', key: 'iata', // quotes, coordinates of 8 digits
		fields: columns('iata, name, city, state, country, latitude number, longitude number'),
	},
	{
		name: 'birdstrikes', package: 'vega', file: 'data/birdstrikes.csv', key: 'row', // CRLF, blanks in a column of numbers
		fields: columns(`airport_name, aircraft_make_model, damage, flight_date date, airline_operator, origin_state, phase_of_flight,
			wildlife_size, wildlife_species, time_of_day, cost_other integer, cost_repair integer, cost_total integer, speed_knots integer`),
	},
	{
		name: 'birdstrikes-speed', package: 'vega', file: 'data/birdstrikes.csv', key: 'row', // the same, where a speed is required
		fields: columns(`airport_name, aircraft_make_model, damage, flight_date date, airline_operator, origin_state, phase_of_flight,
			wildlife_size, wildlife_species, time_of_day, cost_other integer, cost_repair integer, cost_total integer, speed_knots integer`),
		required: ['speed_knots'], fails: "speed_knots = ''", why: 'a blank where the schema requires a value',
	},
	{
		name: 'zipcodes', package: 'vega', file: 'data/zipcodes.csv', key: 'zip_code', // leading zeros that must stay
		fields: columns('zip_code, latitude number, longitude number, city, state, county'),
	},
	{
		name: 'sp500', package: 'vega', file: 'data/sp500-2000.csv', key: 'date', // a date as the key
		fields: columns('date date, open number, high number, low number, close number, adjclose number, volume integer'),
	},
	{
		name: 'hourly-normals', package: 'vega', file: 'data/seattle-weather-hourly-normals.csv', key: 'date',
		fields: columns('date date-time, pressure number, temperature number, wind number'),
		fails: 'true', why: 'a date-time needs a Z or an offset, and these have none',
	},
	{
		name: 'species', package: 'vega', file: 'data/species.csv', key: 'county_id', // 12,360 records of some 3,000 keys: the last wins
		fields: columns('item_id, common_name, scientific_name, gap_species_code, county_id, habitat_yearround_pct number'),
	},
	{
		name: 'diamonds', package: 'observable', file: 'diamonds.csv', key: 'row',
		fields: columns(`carat number, cut, color, clarity, depth number, table_size number, price integer, x number, y number, z number`),
	},
	{
		name: 'olympians', package: 'observable', file: 'olympians.csv', key: 'id', // quotes in quotes, commas, accents, blanks
		fields: columns(`id, name, nationality, sex, date_of_birth date, height number, weight number, sport, gold integer, silver integer,
			bronze integer, info`),
	},
	{
		name: 'pizza', package: 'observable', file: 'pizza.csv', key: 'name', // 29,853 records of 36 keys: the last wins
		fields: columns('order_date date-time, day_of_week, category, name, price number, orders integer, revenue number'),
	},
	{
		name: 'countries', package: 'countries', file: 'dist/countries.csv', key: 'cca3', // 74 columns in 24 languages, all quoted
		types: { independent: 'boolean', unMember: 'boolean', landlocked: 'boolean', area: 'number' },
	},
	{
		name: 'asn-ipv4', package: 'asn', file: 'asn-ipv4-num.csv', key: 'first', header: false, // 382,414 records; integer key
		fields: columns('first integer, last integer, number integer, organisation'),
	},
	{
		name: 'asn-ipv6', package: 'asn', file: 'asn-ipv6.csv', key: 'first', header: false,
		fields: columns('first, last, number integer, organisation'),
	},
	{
		name: 'asn-ipv6-num', package: 'asn', file: 'asn-ipv6-num.csv', key: 'first', header: false,
		fields: columns('first, last number, number integer, organisation'),
		fails: 'length(last) > 20', why: 'a number has at most 20 digits before the point, and addresses have 38',
	},
	{
		name: 'cyrillic', package: 'csvtojson', file: 'test/data/large-utf8.csv', key: 'key', // no ASCII but the commas
		fields: columns('key, value'),
	},
	{
		name: 'incident', package: 'csvtojson', file: 'test/data/lineBreak', key: 'event_id', // a narrative of several paragraphs
		fields: columns(`year, event_id integer, event_date, time, location, route, toc, person_type, injury, fwi number, precursor, gender,
			under_16, apparent_age, fatal, alcohol, impairment, encumbrances, risk_taking, conditions, design, operational_error,
			crowd, non_standard, rushing, third_party, narrative, period integer`),
	},
	// Hard cases for CSV parsers, with what their maker says each holds; all columns are strings, the first is the key.
	...['comma_in_quotes', 'empty', 'empty_crlf', 'escaped_quotes', 'json', 'newlines', 'newlines_crlf', 'quotes_and_newlines',
		'simple', 'simple_crlf', 'utf8'].map((name) => ({
		name: `spectrum-${name}`, package: 'spectrum', file: `csvs/${name}.csv`, json: `json/${name}.json`,
	})),
	{
		name: 'spectrum-location', package: 'spectrum', file: 'csvs/location_coordinates.csv', key: 'phone',
		fields: columns('phone, coordinates, cities, counties'),
		fails: 'true', why: 'quotes inside a field that does not begin with one',
	},
];
