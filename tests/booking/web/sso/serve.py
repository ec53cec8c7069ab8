"""A university in one process: a real CAS server (django-cas-server) under /cas, a real OpenID provider (oauth-toolkit) under /o.

    python serve.py PORT DATABASE KEY.pem

Prints "ready" once it listens. Accounts: those of PEOPLE, with PASSWORD. `/control/…` is for what tests cannot wait for.
"""

import os
import sys
import threading
from datetime import timedelta
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

PORT, DATABASE, KEY = int(sys.argv[1]), sys.argv[2], sys.argv[3]
HERE = f"http://127.0.0.1:{PORT}"
PASSWORD = "portal password"
CLIENT, SECRET = "seatgate", "client secret"
PEOPLE = {  # user name: (name, staff number in the e-mail field, group)
    "s2023001": ("林知夏", "", "students"),
    "S2023002": ("王小满", "", "students"),
    "s2099999": ("新同学", "", "students"),
    "t7": ("馆员乙", "STAFF07", "library-staff"),
    "long": ("长", "", "x" * 90),
    "odd": ("a\u202eb", "S 1", ""),
}
PAGE = '<form method="post">{% csrf_token %}{{ form.as_p }}<button id="go">go</button></form>'

settings.configure(
    DEBUG=False,
    SECRET_KEY="of a test",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    LANGUAGE_CODE="en",
    STATIC_URL="/static/",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE, "OPTIONS": {"timeout": 30}}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
        "cas_server",
        "oauth2_provider",
    ],
    # tables made at once, not by 60 migrations
    MIGRATION_MODULES=dict.fromkeys(("admin", "auth", "contenttypes", "sessions", "cas_server", "oauth2_provider")),
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {
                            "registration/login.html": PAGE,
                            "cas.html": "<h1>CAS</h1>" + PAGE,
                            "oauth2_provider/logout_confirm.html": PAGE,
                        },
                    ),
                    "django.template.loaders.app_directories.Loader",
                ],
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
            },
        }
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    LOGIN_URL="/login",
    # one site for both would sign in at one with the other's cookie
    SESSION_COOKIE_NAME="university",
    CSRF_COOKIE_NAME="university-csrf",
    CAS_NEW_VERSION_HTML_WARNING=False,
    CAS_LOGIN_TEMPLATE="cas.html",  # its own pages ask another host for their style sheet
    CAS_LOGGED_TEMPLATE="cas.html",
    CAS_LOGOUT_TEMPLATE="cas.html",
    CAS_WARN_TEMPLATE="cas.html",
    CAS_REDIRECT_TO_LOGIN_AFTER_LOGOUT=False,
    CAS_AUTH_CLASS="cas_server.auth.DjangoAuthUser",
    CAS_TICKET_VALIDITY=60,
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_ISS_ENDPOINT": f"{HERE}/o",
        "OIDC_RSA_PRIVATE_KEY": Path(KEY).read_text(),
        "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
        "OIDC_RP_INITIATED_LOGOUT_ALWAYS_PROMPT": False,
        "OAUTH2_VALIDATOR_CLASS": f"{__name__}.Claims",
        "SCOPES": {"openid": "who", "profile": "name"},
        "PKCE_REQUIRED": True,
    },
)
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
sys.modules.setdefault(__name__, sys.modules["__main__"])
django.setup()

from cas_server.models import ReplaceAttributName, ServicePattern, ServiceTicket  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.auth.views import LoginView  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402
from oauth2_provider.oauth2_validators import OAuth2Validator  # noqa: E402


class Claims(OAuth2Validator):
    """What this university tells of a person: the number in the ID token, the staff number in userinfo alone."""

    oidc_claim_scope = None

    def get_additional_claims(self, request):
        return {
            "preferred_username": request.user.username,
            "name": request.user.first_name,
            "groups": [request.user.last_name],
        }

    def get_userinfo_claims(self, request):
        return super().get_userinfo_claims(request) | {"staff_number": request.user.email}


@csrf_exempt
def age_tickets(_request):
    """Make every ticket older than its validity."""
    for ticket in ServiceTicket.objects.all():
        ServiceTicket.objects.filter(pk=ticket.pk).update(creation=ticket.creation - timedelta(hours=1))
    return JsonResponse({})


urlpatterns = [
    path("cas/", include("cas_server.urls", namespace="cas_server")),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("login", LoginView.as_view()),
    path("control/age-tickets", age_tickets),
]


def fill():
    call_command("migrate", run_syncdb=True, verbosity=0)
    for name, (shown, number, group) in PEOPLE.items():
        User.objects.create_user(name, password=PASSWORD, first_name=shown, email=number, last_name=group)
    pattern = ServicePattern.objects.create(
        pos=1, name="seats", pattern=r"^http://127\.0\.0\.1:\d+/.*$", single_log_out=True
    )
    for given, sent in (("first_name", "displayName"), ("last_name", "memberOf"), ("email", "staffNumber")):
        ReplaceAttributName.objects.create(name=given, replace=sent, service_pattern=pattern)
    Application.objects.create(
        client_id=CLIENT,
        client_secret=SECRET,
        name="seats",
        client_type="confidential",
        authorization_grant_type="authorization-code",
        algorithm="RS256",
        skip_authorization=True,
        redirect_uris="http://127.0.0.1/sign-in/oidc/back",
        post_logout_redirect_uris="http://127.0.0.1/sign-in",
    )
    connection.close()


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Quiet(WSGIRequestHandler):
    def log_message(self, *_args):
        pass

    def address_string(self):
        return str(self.client_address[0])


if __name__ == "__main__":
    fill()
    server = make_server("127.0.0.1", PORT, get_wsgi_application(), Server, Quiet)
    # nobody left who would end this process: whoever started it holds the other end of its standard input
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print("ready", flush=True)
    server.serve_forever()
