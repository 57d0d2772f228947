"""SIGHUP reads the configuration again; a bad file changes nothing but what the exporter says of itself."""

import signal

from support import Exporter, Gunicorn, send_udp, unique_name, wait_until

SUCCESSFUL = "gunicorn_exporter_config_last_reload_successful"
SINCE = "gunicorn_exporter_config_last_reload_success_timestamp_seconds"


def config(*names):
    return "instances:\n" + "".join(f"  - proc_name: {name}\n" for name in names)


def test_a_good_file_takes_effect_and_the_counters_go_on():
    old, new = unique_name("old"), unique_name("new")
    with Exporter(config=config(old)) as exporter:
        assert exporter.value(SUCCESSFUL) == 1
        assert exporter.value(SINCE) > 1e9
        send_udp(exporter.statsd_port, f"gunicorn.requests:7|c|#app:{old}")
        wait_until(lambda: exporter.value("gunicorn_requests_total", app=old) == 7, "the line is counted")
        exporter.write_config(config(old, new))
        exporter.send_signal(signal.SIGHUP)
        wait_until(lambda: exporter.value("gunicorn_is_running", app=new) == 0, "the new instance is shown")
        assert exporter.value("gunicorn_requests_total", app=old) == 7
        send_udp(exporter.statsd_port, f"gunicorn.requests:1|c|#app:{old}")
        wait_until(lambda: exporter.value("gunicorn_requests_total", app=old) == 8, "the receiver is still there")


def test_an_instance_that_is_dropped_loses_its_series():
    kept, dropped = unique_name("kept"), unique_name("dropped")
    with Exporter(config=config(kept, dropped)) as exporter:
        send_udp(exporter.statsd_port, f"gunicorn.requests:1|c|#app:{dropped}", f"gunicorn.requests:2|c|#app:{kept}")
        wait_until(lambda: exporter.value("gunicorn_requests_total", app=kept) == 2, "the lines are counted")
        exporter.write_config(config(kept))
        exporter.send_signal(signal.SIGHUP)

        def without_it():
            scrape = exporter.scrape()
            left = [scrape.series(name, app=dropped) for name in ("gunicorn_is_running", "gunicorn_requests_total")]
            return None if any(left) else scrape

        scrape = wait_until(without_it, "its series are gone")
        assert scrape.value("gunicorn_requests_total", app=kept) == 2
        assert exporter.get(f"/health/{dropped}").status == 404


def test_a_bad_file_keeps_the_old_configuration():
    name = unique_name("shop")
    with Exporter(config=config(name)) as exporter, Gunicorn(name=name, statsd=exporter) as gunicorn:
        since = exporter.value(SINCE)
        exporter.write_config("statsd:\n  series_ttl: 5 min\n")
        exporter.send_signal(signal.SIGHUP)
        wait_until(lambda: exporter.value(SUCCESSFUL) == 0, "the failure is shown")
        assert exporter.value(SINCE) == since
        wait_until(lambda: "statsd.series_ttl" in exporter.log(), "the reason is in the log")
        gunicorn.get("/")
        wait_until(lambda: exporter.value("gunicorn_requests_total", app=name) == 1, "requests are still counted")
        wait_until(lambda: exporter.value("gunicorn_is_running", app=name) == 1, "its instance is still watched")
        exporter.write_config(config(name))
        exporter.send_signal(signal.SIGHUP)
        wait_until(lambda: exporter.value(SUCCESSFUL) == 1, "the next good file mends it")


def test_a_file_that_has_gone_keeps_the_old_configuration():
    name = unique_name("shop")
    with Exporter(config=config(name)) as exporter:
        exporter.config_path.unlink()
        exporter.send_signal(signal.SIGHUP)
        wait_until(lambda: exporter.value(SUCCESSFUL) == 0, "the failure is shown")
        assert exporter.value("gunicorn_is_running", app=name) == 0


def test_changed_tags_change_the_labels():
    name = unique_name("shop")
    with Exporter(config=config(name)) as exporter:
        exporter.write_config(config(name) + '    tags: ["env:prod", "app:other"]\n')
        exporter.send_signal(signal.SIGHUP)
        wait_until(
            lambda: exporter.value("gunicorn_is_running", app=name, env="prod", tag_app="other") == 0,
            "the labels are there",
        )
        assert len(exporter.scrape().series("gunicorn_is_running", app=name)) == 1


def test_a_reload_without_a_file_is_no_failure():
    with Exporter() as exporter:
        since = exporter.value(SINCE)
        exporter.send_signal(signal.SIGHUP)
        wait_until(lambda: exporter.value(SINCE) > since, "it has reloaded")
        assert exporter.value(SUCCESSFUL) == 1
