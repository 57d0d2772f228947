"""A scrape in the text format, parsed by the Prometheus project's own parser."""

from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    def __init__(self, text):
        self.text = text
        families = list(text_string_to_metric_families(text))
        # By the family's name without _total, as the parser has it.
        self.families = {family.name: family for family in families}
        self.samples = [sample for family in families for sample in family.samples]

    def series(self, name, **labels):
        """Samples of that name that have at least those labels; code=200 is code="200"."""
        wanted = {key: str(value) for key, value in labels.items()}
        return [
            sample
            for sample in self.samples
            if sample.name == name and wanted.items() <= sample.labels.items()
        ]

    def value(self, name, **labels):
        """The value of the one such series; LookupError where there is none or more than one."""
        found = self.series(name, **labels)
        if len(found) != 1:
            raise LookupError(f"{len(found)} series are {name}{labels}: {found}")
        return found[0].value

    def get(self, name, default=None, **labels):
        """The same, or `default` where there is none."""
        return self.value(name, **labels) if self.series(name, **labels) else default

    def total(self, name, **labels):
        """The sum over all such series; 0 where there is none."""
        return sum(sample.value for sample in self.series(name, **labels))

    def by(self, label, name, **labels):
        """{that label's value: the series' value}."""
        return {sample.labels[label]: sample.value for sample in self.series(name, **labels)}

    def processes(self, app):
        """Whether it runs, and how many processes of each kind it has."""
        return {
            "running": self.value("gunicorn_is_running", app=app),
            "masters": self.value("gunicorn_masters", app=app),
            "workers": sum(self.by("state", "gunicorn_workers", app=app).values()),
            "orphans": self.value("gunicorn_orphaned_workers", app=app),
        }


def parse_scrape(text):
    return Scrape(text)
