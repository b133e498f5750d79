"""Web pages and files beside the calls: what is served, and what is not."""

import logging

import pytest
from tornado import web

import gemstone
from gemstone.errors import ServiceConfigurationError
from tools.waiting import until

SECRET = "not for everybody"


class Page(gemstone.GemstoneCustomHandler):
    def get(self):
        self.render("page.html", name=self.microservice.name)


class Configured(gemstone.GemstoneCustomHandler):
    def initialize(self, microservice, greeting):
        super().initialize(microservice)
        self.greeting = greeting

    def get(self, who="you"):
        self.write(f"{self.greeting} {who} of {self.microservice.name}")


class ConfiguredByItself(Configured):
    def initialize(self, greeting):
        self.greeting = greeting


class ConfiguredByAnything(Configured):
    def initialize(self, **arguments):
        assert [*arguments] == ["greeting", "microservice"]
        self.greeting = arguments["greeting"]


class ConfiguredAsBefore(Configured):
    """As handlers for 0.12 were."""

    def initialize(self, microservice):
        self.microservice = microservice
        self.greeting = "hello"


class Plain(web.RequestHandler):
    def initialize(self, said="plain"):
        self.said = said

    def get(self):
        self.write(self.said)


class Broken(gemstone.GemstoneCustomHandler):
    def get(self):
        raise LookupError(SECRET)


class Site(gemstone.MicroService):
    name = "site"
    port = 0

    def __init__(self, **attributes):
        super().__init__()
        vars(self).update(attributes)

    @gemstone.exposed_method()
    def ping(self):
        return "pong"

    @gemstone.exposed_method(requires_handler_reference=True)
    def pong(self, handler):
        return "ping"


def test_pages_static_files_and_calls_on_one_port(serve, tmp_path, caplog):
    caplog.set_level(logging.INFO, "tornado.access")
    (tmp_path / "page.html").write_text("<h1>{{ name }}</h1>")
    (tmp_path / "style.css").write_text("h1 {}")
    site = serve(
        Site(
            template_dir=tmp_path,
            static_dirs=[("/static", tmp_path)],
            extra_handlers=[(r"/", Page), (r"/plain", Plain)],
        )
    )
    assert site.request("GET", "/").body == b"<h1>site</h1>"
    style = site.request("GET", "/static/style.css")
    assert (style.body, style.headers["Content-Type"]) == (b"h1 {}", "text/css")
    assert site.request("GET", "/static/style.css", None, {"Range": "bytes=0-1"}).body == b"h1"
    assert site.request("GET", "/nothing").status == 404
    assert site.result("ping") == "pong"
    assert site.result("pong") == "ping"
    assert site.request("GET", "/plain").body == b"plain"
    until(lambda: "GET /plain" in caplog.text, what="a page is logged")
    assert "/api" not in caplog.text


@pytest.mark.parametrize(
    ("entry", "body"),
    [
        ((r"/(\w+)", Configured, {"greeting": "hi"}), "hi page of site"),
        ([r"/(\w+)", Configured, {"greeting": "hi"}], "hi page of site"),
        ((r"/page", Configured, (("greeting", "hi"),)), "hi you of site"),
        ((r"/page", ConfiguredByItself, {"greeting": "hi"}), "hi you of site"),
        ((r"/page", ConfiguredByAnything, {"greeting": "hi"}), "hi you of site"),
        ((r"/page", ConfiguredAsBefore), "hello you of site"),
        ((r"/page", Plain), "plain"),
        ([r"/page", Plain], "plain"),
        ((r"/page", Plain, {"said": "so"}), "so"),
    ],
)
@pytest.mark.parametrize("listed", [list, tuple])
def test_arguments_of_handlers(serve, entry, body, listed):
    site = serve(Site(extra_handlers=listed([entry])))
    for _ in range(2):
        assert site.request("GET", "/page").body.decode() == body


def test_services_share_a_handler_and_no_service(serve):
    arguments = {"greeting": "hi"}
    sites = [Site(extra_handlers=[("/", Configured, arguments)]) for _ in range(2)]
    sites[1].name = "other"
    bodies = [serve(site).request("GET", "/").body for site in sites]
    assert bodies == [b"hi you of site", b"hi you of other"]
    assert arguments == {"greeting": "hi"}


@pytest.mark.parametrize(
    "entry",
    [
        ("/x",),
        ("/x", object),
        ("/x", "Plain"),
        ("(", Plain),
        (5, Plain),
        ("/x", Plain, 5),
        ("/x", Plain, {}, "name"),
        5,
    ],
)
def test_what_can_not_be_a_handler(entry):
    with pytest.raises(ServiceConfigurationError, match="extra_handlers lists"):
        Site(extra_handlers=[entry]).start_in_thread()


class Rigid(gemstone.GemstoneCustomHandler):
    def initialize(self):
        pass


class Constructed(web.RequestHandler):
    def __init__(self, application, request, *, said):
        super().__init__(application, request)
        self.said = said

    def get(self):
        self.write(self.said)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (("/x", Configured), "missing a required argument: 'greeting'"),
        (("/x", ConfiguredByItself), "missing a required argument: 'greeting'"),
        (("/x", Configured, {"greeting": "hi", "other": 1}), "unexpected keyword argument 'other'"),
        (("/x", Rigid, {"other": 1}), "unexpected keyword argument 'other'"),
        (("/x", Plain, {"other": 1}), "unexpected keyword argument 'other'"),
        (("/x", web.RequestHandler, {"other": 1}), "other"),
        (("/x", web.RedirectHandler), "missing a required argument: 'url'"),
    ],
)
def test_arguments_that_a_handler_does_not_take(entry, said):
    with pytest.raises(ServiceConfigurationError, match=said) as caught:
        Site(extra_handlers=[entry]).start_in_thread()
    assert "extra_handlers lists '/x'" in str(caught.value)
    assert entry[1].__name__ in str(caught.value)


def test_a_constructor_of_its_own_takes_what_it_likes(serve):
    site = serve(Site(extra_handlers=[("/x", Constructed, {"said": "so"})]))
    assert site.request("GET", "/x").body == b"so"


@pytest.mark.parametrize("entry", ["/static", ("/static",), ("static", "/"), ("/static", 5), 5])
def test_what_can_not_be_a_folder_of_files(entry):
    with pytest.raises(ServiceConfigurationError, match="static_dirs lists"):
        Site(static_dirs=[entry]).start_in_thread()


@pytest.mark.parametrize("folder", [5, b".", ["templates"]])
def test_what_can_not_be_a_folder_of_templates(folder):
    with pytest.raises(ServiceConfigurationError, match=r"Site\.template_dir is .* or None"):
        Site(template_dir=folder).start_in_thread()


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/%2e%2e%2fsecret.txt",
        "/static/folder/../../secret.txt",
        "/static/..%5csecret.txt",
        "/static//{folder}/secret.txt",
        "/static/%2f{folder}/secret.txt",
        "/static/link/secret.txt",
        "/static/file.txt%00",
        "/static/%ff",
        "/static/%ed%a0%80",
        f"/static/{'x' * 5000}",
        "/static/",
        "/static/folder",
        "/static/folder/",
        "/static",
        "/staticfile.txt",
    ],
)
def test_files_that_are_not_served(serve, tmp_path, path):
    served = tmp_path / "static"
    (served / "folder").mkdir(parents=True)
    (served / "file.txt").write_text("for everybody")
    (tmp_path / "secret.txt").write_text(SECRET)
    (served / "link").symlink_to("nowhere")
    site = serve(Site(static_dirs=[("/static", served)]))
    answer = site.request("GET", path.format(folder=str(tmp_path).lstrip("/")))
    assert answer.status in (400, 403, 404), answer.body
    assert SECRET.encode() not in answer.body
    assert site.request("GET", "/static/file.txt").body == b"for everybody"


def test_a_folder_that_is_not_there_yet(serve, tmp_path):
    site = serve(Site(static_dirs=[("/static/", tmp_path / "later")]))
    assert site.request("GET", "/static/file.txt").status == 404
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "file.txt").write_text("now")
    assert site.request("GET", "/static/file.txt").body == b"now"


def test_relative_folders_are_those_of_the_process(serve, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.html").write_text("{{ name }}")
    site = serve(Site(extra_handlers=[("/", Page)], static_dirs=[("/static", ".")]))
    assert site.request("GET", "/").body == b"site"
    assert site.request("GET", "/static/page.html").body == b"{{ name }}"


@pytest.mark.parametrize("folder", ["nowhere", None])
def test_a_template_that_is_not_there(serve, tmp_path, caplog, folder):
    folder = folder and tmp_path / folder
    site = serve(Site(extra_handlers=[("/", Page)], template_dir=folder))
    answer = site.request("GET", "/")
    assert answer.status == 500
    assert b"page.html" not in answer.body
    until(lambda: "page.html" in caplog.text, what="it is logged")


def test_without_a_folder_templates_are_beside_their_handler(serve, tmp_path):
    (tmp_path / "page.html").write_text("beside {{ name }}")
    module = tmp_path / "handlers.py"
    names = {"gemstone": gemstone}
    text = (
        "class Page(gemstone.GemstoneCustomHandler):\n"
        "    def get(self): self.render('page.html', name=self.microservice.name)\n"
    )
    exec(compile(text, module, "exec"), names)
    site = serve(Site(extra_handlers=[("/", names["Page"])], template_dir=None))
    assert site.request("GET", "/").body == b"beside site"


def test_what_a_handler_raises_is_logged_and_not_shown(serve, caplog):
    site = serve(Site(extra_handlers=[("/", Broken)], debug=True))
    answer = site.request("GET", "/")
    assert answer.status == 500
    assert b"Traceback" not in answer.body
    assert SECRET.encode() not in answer.body
    until(lambda: SECRET in caplog.text, what="it is logged")
    assert site.result("ping") == "pong"


def test_a_subclass_adds_to_the_application(serve):
    class More(Site):
        def make_tornado_app(self):
            application = super().make_tornado_app()
            more = {"greeting": "hi", "microservice": self}
            application.add_handlers(r".*", [("/more", Configured, more)])
            return application

    assert serve(More()).request("GET", "/more").body == b"hi you of site"
