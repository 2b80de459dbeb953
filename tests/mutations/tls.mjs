// SPDX-License-Identifier: Apache-2.0
// How to break TLS, certificates of one's own and small files: each entry makes the named test fail (script/prove-tests).
const tls = 'src/http/tls.c', local = 'src/http/tls_local.c', mhd = 'src/http/server_mhd.c', refuse = 'src/http/server_mhd_refuse.c', serve = 'src/serve/tls.c', file = 'src/base/file.c', config = 'src/config/config.c';
const server = (title) => `scenario/45-tls: ${title}`, reload = (title) => `scenario/46-tls-reload: ${title}`, own = (title) => `scenario/47-tls-local: ${title}`;
const unit = (name) => `unit/tls_local_test: ${name}`, small = (name) => `unit/file_test: ${name}`, options = (name) => `unit/config_test: ${name}`;
const raw = String.raw;

export default [
	{ test: server('TLS 1.2 and 1.3 are spoken, nothing older, and nothing without forward secrecy'), file: mhd, from: raw`:-RSA:-AES-128-CBC:-AES-256-CBC`, to: '' },
	{ test: server('TLS 1.2 and 1.3 are spoken, nothing older, and nothing without forward secrecy'), file: mhd, from: raw`+VERS-TLS1.3:+VERS-TLS1.2`, to: raw`+VERS-TLS1.2` },
	{ test: server('a certificate that cannot be used keeps the server from starting, and the file is named'), file: tls, from: raw`	return st == OK ? check_times(tls, identity, err) : st;`, to: raw`	return st;` },
	{ test: server('a certificate that cannot be used keeps the server from starting, and the file is named'), file: tls, from: raw`	st = check_pair(tls, identity, err);`, to: raw`	st = identity->chain_count == 0 ? check_pair(tls, identity, err) : OK;` },
	{ test: server('a chain is shown as a whole'), file: tls, from: raw`	*ret_chain_count = identity->chain_count;`, to: raw`	*ret_chain_count = 1;` },
	{ test: server('a refusal in mid-body arrives, and so does one of what is no HTTP'), file: refuse, from: raw`	if (sent && session != NULL)`, to: raw`	if (sent && session != NULL && session == NULL)` },
	{ test: server('without TLS others cannot reach the server, unless it is said'), file: config, from: raw`	check_together(reading);
	return`, to: raw`	return` },
	{ test: reload('new connections are shown the new certificate, and an upload that runs goes on'), file: tls, from: raw`		atomic_store(&tls->newest, identity);`, to: raw`		if (newest == NULL)
			atomic_store(&tls->newest, identity);` },
	{ test: reload('a file that cannot be used leaves what there was, and the log says why'), file: serve, from: raw`		log_event(LOG_LEVEL_ERROR, "tls.reload_failed", "error=\"%s\"", err.text);`, to: raw`		log_event(LOG_LEVEL_ERROR, "tls.reload_failed", "%s", "");` },
	{ test: reload('two hundred reloads under load cost neither a request nor memory nor files'), file, from: raw`	st = file_read_open(fd, path, most, ret_bytes, err);
	close(fd);`, to: raw`	st = file_read_open(fd, path, most, ret_bytes, err);` },
	{ test: reload('without TLS a SIGHUP changes nothing'), file: serve, from: raw`		log_event(LOG_LEVEL_INFO, "tls.nothing_to_reload", "%s", "");
		return;`, to: raw`		abort();` },
	{ test: own('Node, curl and our own command line trust it once they are told to, and not before'), file: local, from: raw`	if (code == 0)
		code = add_names(server->certificate);`, to: '' },
	{ test: own('the authority stays over restarts, and keys are for their owner alone'), file: local, from: raw`	if (has_key && has_certificate && belong(ca) &&`, to: raw`	if (!has_key && has_certificate && belong(ca) &&` },
	{ test: own('a start tells how to trust it'), file: serve, from: raw`	folder = realpath(dir->tls, NULL);`, to: raw`	folder = realpath("/", NULL);` },
	{ test: unit('the_certificate_is_for_this_machine_and_by_its_own_authority'), file: local, from: raw`	st = file_replace(
	    pair->key_path, (struct slice){(const char *)pem.data, pem.size}, 0600, err);`, to: raw`	st = file_replace(
	    pair->key_path, (struct slice){(const char *)pem.data, pem.size}, 0644, err);` },
	{ test: unit('the_authority_can_vouch_for_nothing_but_this_machine'), file: local, from: raw`		code = limit_names(ca->certificate);`, to: raw`		code = limit_names == NULL;` },
	{ test: unit('what_is_there_stays_as_it_is'), file: local, from: raw`	    lasts(server->certificate, now_s + RENEW_DAYS * DAY_S) &&`, to: raw`	    lasts(server->certificate, now_s + 2 * RENEW_DAYS * DAY_S) &&` },
	{ test: unit('a_certificate_is_renewed_a_month_before_its_end'), file: local, from: raw`	    lasts(server->certificate, now_s + RENEW_DAYS * DAY_S) &&`, to: raw`	    lasts(server->certificate, now_s) &&` },
	{ test: unit('the_authority_outlives_what_it_vouches_for'), file: local, from: raw`	    lasts(ca->certificate, now_s + SERVER_DAYS * DAY_S))`, to: raw`	    lasts(ca->certificate, now_s))` },
	{ test: unit('what_lacks_or_is_broken_is_made_again'), file: local, from: raw`	    is_by(server->certificate, ca->certificate))`, to: raw`	    is_by != NULL)` },
	{ test: unit('a_folder_that_cannot_be_made_is_named'), file, from: raw`err_errno(err, errno, "make the folder %s", path)`, to: raw`err_set(err, E_IO, "make the folder %s", path)` },
	{ test: small('a_file_is_durable_before_it_has_its_name_and_so_is_the_name'), file, from: raw`	return fsync(fd) != 0 ? err_errno(err, errno, "sync %s", path) : OK;`, to: raw`	return OK;` },
	{ test: small('a_file_is_durable_before_it_has_its_name_and_so_is_the_name'), file, from: raw`	if (unlink(fresh) != 0 && errno != ENOENT)`, to: raw`	if (write(-1, "", 0) > 0 || (unlink(fresh) != 0 && errno != ENOENT))` },
	{ test: small('a_file_has_the_mode_that_was_asked_for_whatever_was_left'), file, from: raw`	if (fchmod(fd, mode) != 0)`, to: raw`	if (fchmod(fd, 0600) != 0)` },
	{ test: small('a_disk_that_fails_leaves_what_there_was'), file, from: raw`	if (st != OK) {
		(void)unlink(fresh);
		return st;
	}`, to: raw`	if (st != OK)
		return st;` },
	{ test: small('a_file_is_read_up_to_its_limit'), file, from: raw`		else if (total + (size_t)got > most)`, to: raw`		else if (total + (size_t)got > most + 1)` },
	{ test: small('a_folder_is_for_its_owner_and_durable'), file, from: raw`	if (mkdir(path, 0700) != 0)`, to: raw`	if (mkdir(path, 0755) != 0)` },
	{ test: options('a_flag_that_is_off_or_on_may_go_without_a_value'), file: 'src/config/option.c', from: raw`	return row->kind == OPTION_CHOICE && strcmp(row->choices, "off|on") == 0;`, to: raw`	return row->kind == OPTION_CHOICE;` },
	{ test: options('plain_http_is_for_this_machine_unless_it_is_said'), file: config, from: raw`		return (ntohl(four.s_addr) >> 24) == 127;`, to: raw`		return (ntohl(four.s_addr) >> 24) == 127 || four.s_addr == 0;` },
	{ test: options('certificate_and_key_go_together_and_with_no_other'), file: config, from: raw`	if (has_cert != has_key)`, to: raw`	if (has_cert && !has_key)` },
];
