// SPDX-License-Identifier: Apache-2.0
// How to break secrets, assertions and signing keys: each entry makes the named test fail (script/prove-tests).
const secret = 'src/auth/secret.c', assertion = 'src/auth/assertion.c', keys = 'src/auth/keys.c', file = 'src/base/file.c', api = 'src/api/keys.c';
const secretTest = (title) => `unit/secret_test: ${title}`;
const assertionTest = (title) => `unit/assertion_test: ${title}`;
const keysTest = (title) => `unit/keys_test: ${title}`;
const story = (title) => `scenario/41-keys: ${title}`;
const raw = String.raw;

export default [
	// --- Secrets
	{ test: secretTest('secrets_have_the_forms_that_clients_and_scanners_know'), file: secret, from: raw`snprintf(ret_text, SECRET_CORE_BYTES, "%.15s!", org);`, to: raw`snprintf(ret_text, SECRET_CORE_BYTES, "%.15s.", org);` },
	{ test: secretTest('every_letter_is_as_likely'), file: secret, from: raw`alphabet[random[i % sizeof(random)] & 63]`, to: raw`alphabet[random[i % sizeof(random)] % 62]` },
	{ test: secretTest('a_secret_is_known_by_its_hash_alone'), file: secret, from: raw`CRYPTO_memcmp(given, hash, sizeof(given)) == 0`, to: raw`CRYPTO_memcmp(given, hash, sizeof(given) - 1) == 0` },
	{ test: secretTest('a_password_is_known_by_its_slow_hash'), file: secret, from: raw`	random_fill(salt, sizeof(salt));`, to: raw`	memset(salt, 7, sizeof(salt));` },
	{ test: secretTest('the_hash_is_scrypts'), file: secret, from: raw`EVP_PBE_scrypt(password.ptr, password.len, salt, SALT_BYTES,`, to: raw`EVP_PBE_scrypt(password.ptr, password.len, salt, SALT_BYTES - 1,` },
	{ test: secretTest('what_is_no_hash_lets_nobody_in'), file: secret, from: raw`	    !take_hex(&text, ret_key, KEY_BYTES) || *text != '\0')`, to: raw`	    !take_hex(&text, ret_key, KEY_BYTES))` },
	{ test: secretTest('nobodys_password_costs_as_much_as_anybodys'), file: secret, from: raw`	    derive(password, salt, &cost, given) && CRYPTO_memcmp`, to: raw`	    is_one && derive(password, salt, &cost, given) && CRYPTO_memcmp` },

	// --- Assertions
	{ test: assertionTest('an_assertion_tells_who_asks_for_whom'), file: assertion, from: raw`		st = take_text(claims, "sub", arena, &assertion.subject, err);`, to: raw`		st = take_text(claims, "iss", arena, &assertion.subject, err);` },
	{ test: assertionTest('an_assertion_tells_who_asks_for_whom'), file: assertion, from: raw`		st = take_text(claims, "jti", arena, &assertion.id, err);`, to: raw`		st = OK;` },
	{ test: assertionTest('the_audience_may_be_spelled_in_all_ways_and_no_others'), file: assertion, from: raw`{"", "/", "/services/oauth2/token"}`, to: raw`{"", "/"}` },
	{ test: assertionTest('the_audience_may_be_spelled_in_all_ways_and_no_others'), file: assertion, from: raw`	return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;`, to: raw`	return a.len >= b.len && strncasecmp(a.ptr, b.ptr, b.len) == 0;` },
	{ test: assertionTest('the_audience_may_be_spelled_in_all_ways_and_no_others'), file: assertion, from: raw`	       slice_is_nocase(audience, "test.salesforce.com");`, to: raw`	       false;` },
	{ test: assertionTest('the_audience_may_be_spelled_in_all_ways_and_no_others'), file: assertion, from: raw`is_same_host(audience, without_port(host)) ||`, to: raw`is_same_host(without_port(audience), without_port(host)) ||` },
	{ test: assertionTest('a_host_without_a_port_or_of_an_address_is_a_host'), file: assertion, from: raw`host.ptr[i - 1] == ':' &&`, to: raw`host.ptr[i - 1] == '.' &&` },
	{ test: assertionTest('a_host_without_a_port_or_of_an_address_is_a_host'), file: assertion, from: raw`is_plain ? ":80" : ":443"`, to: raw`is_plain ? ":443" : ":443"` },
	{ test: assertionTest('times_are_in_seconds_or_milliseconds_with_three_minutes_of_skew'), file: assertion, from: raw`		time /= 1000;`, to: raw`		time /= 100;` },
	{ test: assertionTest('times_are_in_seconds_or_milliseconds_with_three_minutes_of_skew'), file: assertion, from: raw`	if (expires_us < now_us - ASSERTION_SKEW_US)`, to: raw`	if (expires_us <= now_us - ASSERTION_SKEW_US)` },
	{ test: assertionTest('times_are_in_seconds_or_milliseconds_with_three_minutes_of_skew'), file: assertion, from: raw`issued_us > now_us + ASSERTION_SKEW_US ||`, to: raw`issued_us > now_us + LIFE_US ||` },
	{ test: assertionTest('times_are_in_seconds_or_milliseconds_with_three_minutes_of_skew'), file: assertion, from: raw`|| begins_us > now_us + ASSERTION_SKEW_US)`, to: raw`|| begins_us > now_us + LIFE_US)` },
	{ test: assertionTest('times_are_in_seconds_or_milliseconds_with_three_minutes_of_skew'), file: assertion, from: raw`	if (expires_us > now_us + LIFE_US + ASSERTION_SKEW_US)`, to: raw`	if (expires_us > now_us + 365 * LIFE_US)` },
	{ test: assertionTest('a_claim_that_lacks_or_is_no_text_is_named'), file: assertion, from: raw`	if (!json_is_string(value) || json_string_length(value) == 0)`, to: raw`	if (!json_is_string(value))` },
	{ test: assertionTest('a_claim_that_lacks_or_is_no_text_is_named'), file: assertion, from: raw`JSON_REJECT_DUPLICATES`, to: raw`0` },
	{ test: assertionTest('another_key_is_refused'), file: assertion, from: raw`	is_signed = code == 0 && jwt_get_alg(decoded) == JWT_ALG_RS256;`, to: raw`	is_signed = true;` },
	{ test: assertionTest('what_was_changed_after_signing_is_refused'), file: assertion, from: raw`		st = check_audience(claims, host, arena, &assertion.audience, err);`, to: raw`		st = check_audience(claims, host, arena, &assertion.audience, err);
	else if (strstr(err->text, "signature") != NULL)
		st = check_audience(claims, host, arena, &assertion.audience, err);` },
	{ test: assertionTest('no_other_algorithm_is_taken'), file: assertion, from: raw`	if (algorithm == NULL || strcmp(algorithm, "RS256") != 0)`, to: raw`	if (algorithm == NULL || strcmp(algorithm, "none") == 0)` },
	{ test: assertionTest('no_other_algorithm_is_taken'), file: assertion, from: raw`strcmp(algorithm, "RS256") != 0`, to: raw`strcasecmp(algorithm, "RS256") != 0` },
	{ test: assertionTest('no_other_algorithm_is_taken'), file: assertion, from: raw`	if (json_object_get(header, "crit") != NULL)`, to: raw`	if (json_object_get(header, "crit!") != NULL)` },
	{ test: assertionTest('a_type_must_be_jwt_in_either_case_or_none'), file: assertion, from: raw`strcasecmp(json_string_value(type), "JWT") != 0`, to: raw`strcmp(json_string_value(type), "JWT") != 0` },
	{ test: assertionTest('what_has_another_form_is_no_jwt'), file: assertion, from: raw`	return rest.len == 0 && ret_parts->header.len > 0`, to: raw`	return ret_parts->header.len > 0` },
	{ test: assertionTest('what_has_another_form_is_no_jwt'), file: assertion, from: raw`	if (jwt.len > ASSERTION_BYTES_MAX)`, to: raw`	if (jwt.len >= ASSERTION_BYTES_MAX)` },
	{ test: assertionTest('a_certificate_must_be_one_of_a_long_rsa_key'), file: assertion, from: raw`EVP_PKEY_get_bits(key) < KEY_BITS_MIN`, to: raw`EVP_PKEY_get_bits(key) < 1024` },
	{ test: assertionTest('a_certificate_must_be_one_of_a_long_rsa_key'), file: assertion, from: raw`		if (len <= 0 || (size_t)len >= room) {`, to: raw`		if (len <= 0 || (size_t)len + 1 >= room) {` },

	// --- Keys
	{ test: keysTest('a_token_is_signed_by_the_published_key_that_it_names'), file: keys, from: raw`		code = jwt_add_header(jwt, "kid", id);`, to: raw`		code = jwt_add_header(jwt, "kid", "first");` },
	{ test: keysTest('a_token_is_signed_by_the_published_key_that_it_names'), file: keys, from: raw`		text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];`, to: raw`		text[i] = text[i] == 'a' ? 'b' : text[i];` },
	{ test: keysTest('the_newest_signs_and_the_one_before_is_still_published'), file: keys, from: raw`		const struct key *newest = keys->list[keys->count - 1];`, to: raw`		const struct key *newest = keys->list[0];` },
	{ test: keysTest('a_key_is_of_2048_bits_and_for_its_owner_alone'), file: keys, from: raw`		st = file_replace(path, buffer_slice(&pem), 0600, err);`, to: raw`		st = file_replace(path, buffer_slice(&pem), 0400, err);` },
	{ test: keysTest('a_key_is_of_2048_bits_and_for_its_owner_alone'), file: keys, from: raw`EVP_RSA_gen(KEY_BITS)`, to: raw`EVP_RSA_gen(KEY_BITS + 8)` },
	{ test: keysTest('the_first_key_is_made_once'), file: keys, from: raw`	if (st == OK && keys->count == 0 && make_first) {`, to: raw`	if (st == OK) {` },
	{ test: keysTest('the_next_use_sees_what_another_process_has_made'), file: keys, from: raw`	if (keys->is_settled && info.st_mtim.tv_sec == keys->read_at.tv_sec &&`, to: raw`	if (keys->count > 0 || info.st_mtim.tv_sec == keys->read_at.tv_sec ||` },
	{ test: keysTest('a_change_within_one_tick_of_the_file_systems_clock_is_seen'), file: keys, from: raw`	if (keys->is_settled && info.st_mtim.tv_sec`, to: raw`	if (info.st_mtim.tv_sec` },
	{ test: keysTest('processes_that_begin_or_rotate_at_once_do_not_disturb_each_other'), file, from: raw`	while ((code = flock(fd, LOCK_EX)) != 0 && errno == EINTR)`, to: raw`	while ((code = flock(fd, LOCK_SH)) != 0 && errno == EINTR)` },
	{ test: keysTest('a_key_is_published_until_its_last_token_has_ended_and_then_removed'), file: keys, from: raw`		if (has_ended_locked(keys, i, now_us))
			continue;`, to: raw`		if (now_us < 0)
			continue;` },
	{ test: keysTest('a_key_is_published_until_its_last_token_has_ended_and_then_removed'), file: keys, from: raw`now_us - keys->token_us - MARGIN_US;`, to: raw`now_us - keys->token_us;` },
	{ test: keysTest('a_key_is_published_until_its_last_token_has_ended_and_then_removed'), file: keys, from: raw`		if (!has_ended_locked(keys, i, now_us))
			break;`, to: raw`		if (now_us > 0)
			break;` },
	{ test: keysTest('the_key_that_was_made_last_signs_though_the_clock_went_back'), file: keys, from: raw`	return now_us > newest_us ? now_us : newest_us + 1;`, to: raw`	return newest_us == 0 ? now_us : now_us + 1;` },
	{ test: keysTest('a_key_that_others_may_read_is_refused_by_its_name'), file: keys, from: raw`	if ((info.st_mode & 077) != 0)`, to: raw`	if ((info.st_mode & 044) != 0)` },
	{ test: keysTest('what_is_no_key_is_refused_by_its_name'), file: keys, from: raw`		if (!ends_with(entry->d_name, ".pem"))
			continue;`, to: raw`		if (!parse_name(entry->d_name, &created_us, id))
			continue;` },
	{ test: keysTest('what_is_no_key_is_refused_by_its_name'), file: keys, from: raw`EVP_PKEY_get_bits(key) >= KEY_BITS &&`, to: raw`EVP_PKEY_get_bits(key) >= KEY_BITS / 2 &&` },
	{ test: keysTest('what_is_no_key_is_refused_by_its_name'), file: keys, from: raw` || strtoll(name, NULL, 10) > TIME_US_MAX`, to: '' },
	{ test: keysTest('what_a_crash_left_is_removed'), file: keys, from: raw`			(void)unlink(path);`, to: raw`			(void)path;` },
	{ test: keysTest('what_a_crash_left_is_removed'), file: keys, from: raw`	return ends_with(name, ".pem.new");`, to: raw`	return ends_with(name, ".new");` },
	{ test: keysTest('rotations_end_where_there_are_too_many_keys'), file: keys, from: raw`	if (st == OK && keys->count >= KEYS_MAX)
		st = err_set`, to: raw`	if (st == OK && keys->count > KEYS_MAX)
		st = err_set` },
	{ test: keysTest('the_first_use_makes_a_key_and_opening_does_not'), file: keys, from: raw`		st = prepare_locked(keys, false, err);`, to: raw`		st = prepare_locked(keys, true, err);` },
	{ test: keysTest('the_first_use_makes_a_key_and_opening_does_not'), file: keys, from: raw`		memcpy(ret_entries[i].id, key->id, sizeof(key->id));`, to: raw`		memcpy(ret_entries[i].id, "none", 5);` },

	// --- The whole
	{ test: story('a tenant token can be checked with what is published, and with nothing else'), file: keys, from: raw`jwt_set_alg(jwt, JWT_ALG_RS256,`, to: raw`jwt_set_alg(jwt, JWT_ALG_RS384,` },
	{ test: story('a tenant token can be checked with what is published, and with nothing else'), file: api, from: raw`	st = keys_publish(api->oauth.keys, &body, &err);`, to: raw`	st = keys_publish(api->oauth.keys, &body, &err);
	buffer_reset(&body);
	buffer_put_text(&body, "{\"keys\":[]}");` },
	{ test: story('keys are for their owner alone, and are the same after a restart'), file: keys, from: raw`		st = file_replace(path, buffer_slice(&pem), 0600, err);`, to: raw`		st = file_replace(path, buffer_slice(&pem), 0700, err);` },
	{ test: story('a rotated key signs from the next token on, and the one before is good until its tokens end'), file: keys, from: raw`	return i + 1 < keys->count &&
	       keys->list[i + 1]`, to: raw`	return i + 1 < keys->count && now_us < 0 &&
	       keys->list[i + 1]` },
	{ test: story('what has ended is removed by the next rotation'), file: keys, from: raw`		if (join(keys, name, path, &err) == OK && unlink(path) == 0)`, to: raw`		if (join(keys, name, path, &err) != OK)` },
	{ test: story('rotations at once, beside a server that signs, each make a key'), file: keys, from: raw`	return i + 1 < keys->count &&
	       keys->list[i + 1]->created_us < now_us - keys->token_us - MARGIN_US;`, to: raw`	return i + 1 < keys->count && now_us > 0;` },
	{ test: story('a key that others may read, or that is none, is named at start and the server does not run'), file: keys, from: raw`		st = check_mode(path, err);`, to: raw`		st = OK;` },
	{ test: 'crash/points: file.written: the first key is there whole or not at all, and the next start has one', file, from: raw`	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))`, to: raw`	if (snprintf(fresh, sizeof(fresh), "%s", path) >= (int)sizeof(fresh))` },
	{ test: 'crash/points: file.renamed: the first key is there whole or not at all, and the next start has one', file: keys, from: raw`	return ends_with(name, ".pem.new");`, to: raw`	return strstr(name, ".pem") != NULL;` },
	{ test: 'crash/points: file.written: a rotation that was cut off has made a key, or nothing, and the server goes on', file: keys, from: raw`			(void)unlink(path);`, to: raw`			(void)path;` },
	{ test: 'crash/points: file.renamed: a rotation that was cut off has made a key, or nothing, and the server goes on', file: keys, from: raw`	st = need_key_locked(keys, err);
	json_write_begin`, to: raw`	st = keys->count == 0 ? need_key_locked(keys, err) : OK;
	json_write_begin` },
];
