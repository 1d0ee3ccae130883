"""The watch's credentials: those of the API client, read again."""

from batchwright_operator.cluster.kubernetes.connection import Connection
from batchwright_operator.cluster.kubernetes.connection import Credentials as ClientCredentials
from batchwright_operator.handlers.credentials import Credentials, Login


def login_by(connection: Connection) -> Login:
    """A login that reads the credentials anew each time."""

    async def login() -> Credentials:
        configuration = (await ClientCredentials.load(connection)).configuration
        header = await configuration.get_api_key_with_prefix("BearerToken")
        return Credentials(
            server=configuration.host,
            authorization=header or "",
            ca_path=configuration.ssl_ca_cert,
            certificate_path=configuration.cert_file,
            key_path=configuration.key_file,
            is_verified=bool(configuration.verify_ssl),
        )

    return login
