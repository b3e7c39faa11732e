"""Who may use the API beyond the public lists."""

from __future__ import annotations

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from cdk.config import Config
from framesift.api.middlewares import ADMIN_GROUP


class Login(Construct):
    """A user pool, and one client that people log in with.

    Whether anybody may sign up is the stage's choice; who may administer others is in a group.

    Attributes:
        pool: The user pool.
        client: A public client (authorization code with PKCE): it has no secret to lose.
        read_scope: `framesift/read`.
        write_scope: `framesift/write`.
    """

    read_scope = "framesift/read"
    write_scope = "framesift/write"

    def __init__(self, scope: Construct, construct_id: str, config: Config) -> None:
        super().__init__(scope, construct_id)
        self.pool = cognito.UserPool(
            self,
            "Users",
            self_sign_up_enabled=config.sign_up,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            password_policy=cognito.PasswordPolicy(
                min_length=14,
                require_digits=True,
                require_lowercase=True,
                require_uppercase=True,
                require_symbols=True,
                temp_password_validity=Duration.days(3),
            ),
            mfa=cognito.Mfa.REQUIRED,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            feature_plan=cognito.FeaturePlan.PLUS,
            standard_threat_protection_mode=cognito.StandardThreatProtectionMode.FULL_FUNCTION,
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        read = cognito.ResourceServerScope(scope_name="read", scope_description="See runs, clips and collections")
        write = cognito.ResourceServerScope(scope_name="write", scope_description="Take clips down, change collections")
        server = self.pool.add_resource_server("Api", identifier="framesift", scopes=[read, write])
        self.domain = self.pool.add_domain(
            "Domain",
            cognito_domain=cognito.CognitoDomainOptions(domain_prefix=f"framesift-{config.stage}-{Aws.ACCOUNT_ID}"),
        )
        self.pool.add_group("Administrators", group_name=ADMIN_GROUP)
        self.client = self.pool.add_client(
            "People",
            generate_secret=False,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(30),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[
                    cognito.OAuthScope.OPENID,
                    cognito.OAuthScope.resource_server(server, read),
                    cognito.OAuthScope.resource_server(server, write),
                ],
                callback_urls=[
                    config.login_callback_url,
                    *([f"{config.web_url}/callback"] if config.web_url else []),
                ],
                logout_urls=[f"{config.web_url}/"] if config.web_url else None,
            ),
        )
