// The story that every generated client lives through (run.py says its steps), with the client of
// OpenAPI Generator for Java: its `native` library, which is what the JDK has.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.example.iqm.ApiClient;
import org.example.iqm.ApiException;
import org.example.iqm.api.ClustersApi;
import org.example.iqm.api.MeApi;
import org.example.iqm.api.OauthApi;
import org.example.iqm.api.SyncApi;
import org.example.iqm.model.Cluster;
import org.example.iqm.model.ClusterBody;
import org.example.iqm.model.ClusterList;
import org.example.iqm.model.Problem;
import org.example.iqm.model.SyncBatch;
import org.example.iqm.model.SyncChange;
import org.example.iqm.model.SyncPage;
import org.example.iqm.model.SyncPushedChange;
import org.example.iqm.model.SyncResult;
import org.example.iqm.model.SyncType;
import org.example.iqm.model.Tokens;

final class Story {
    private static final ObjectMapper JSON = ApiClient.createDefaultObjectMapper();

    private final JsonNode given;
    private final BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    private Story(JsonNode given) {
        this.given = given;
    }

    /** A call that is refused. */
    private interface Call {
        void make() throws ApiException;
    }

    private record Pulled(List<SyncChange> changes, String since) {}

    private static void check(boolean condition, String what) {
        if (!condition) {
            throw new IllegalStateException(what);
        }
    }

    private static void done(String step) {
        System.out.println("done " + step);
    }

    private static Problem refused(int status, String type, Call call) throws IOException {
        try {
            call.make();
        } catch (ApiException exception) {
            Problem problem = JSON.readValue(exception.getResponseBody(), Problem.class);
            check(exception.getCode() == status && problem.getType().equals("/problems/" + type),
                exception.getMessage());
            return problem;
        }
        throw new IllegalStateException("not refused: " + type);
    }

    private ApiClient withToken(String token) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(given.get("url").asText());
        if (token != null) {
            client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
        }
        return client;
    }

    private Tokens tokens(OauthApi.APICreateTokenRequest request) throws ApiException {
        return new OauthApi(withToken(null)).createToken(request);
    }

    private static Map<String, String> fields(String query) {
        Map<String, String> found = new HashMap<>();
        for (String pair : query.split("&")) {
            String[] sides = pair.split("=", 2);
            found.put(sides[0], URLDecoder.decode(sides[1], StandardCharsets.UTF_8));
        }
        return found;
    }

    /** Authorization code with PKCE; the person is at a browser, here the one who runs this. */
    private Tokens signIn(String who) throws Exception {
        byte[] random = new byte[32];
        new SecureRandom().nextBytes(random);
        Base64.Encoder base64 = Base64.getUrlEncoder().withoutPadding();
        String verifier = base64.encodeToString(random);
        byte[] digest = MessageDigest.getInstance("SHA-256")
            .digest(verifier.getBytes(StandardCharsets.US_ASCII));
        String state = UUID.randomUUID().toString();
        String id = given.get("app").get("id").asText();
        String redirect = given.get("app").get("redirect").asText();
        System.out.println("sign in " + who + " " + given.get("url").asText()
            + "/oauth/authorize?response_type=code&code_challenge_method=S256&client_id=" + id
            + "&redirect_uri=" + URLEncoder.encode(redirect, StandardCharsets.UTF_8)
            + "&state=" + state + "&code_challenge=" + base64.encodeToString(digest));
        Map<String, String> back = fields(URI.create(lines.readLine()).getRawQuery());
        check(state.equals(back.get("state")), "state");
        return tokens(OauthApi.APICreateTokenRequest.newBuilder().grantType("authorization_code")
            .clientId(id).redirectUri(redirect).code(back.get("code")).codeVerifier(verifier).build());
    }

    private void page() throws ApiException {
        JsonNode program = given.get("program");
        Tokens granted = tokens(OauthApi.APICreateTokenRequest.newBuilder()
            .grantType("client_credentials").clientId(program.get("id").asText())
            .clientSecret(program.get("secret").asText()).build());
        done("program");
        ClustersApi clusters = new ClustersApi(withToken(granted.getAccessToken()));
        Set<UUID> seen = new HashSet<>();
        String cursor = null;
        do {
            ClusterList page = clusters.listClusters(
                ClustersApi.APIListClustersRequest.newBuilder().limit(2).cursor(cursor).build());
            check(page.getItems().size() <= 2, "a page");
            page.getItems().forEach(cluster -> seen.add(cluster.getId()));
            cursor = page.getNext();
        } while (cursor != null);
        check(seen.size() == given.get("clusters").asInt(), seen.size() + " clusters");
        done("page");
    }

    private Cluster create(ClustersApi clusters) throws ApiException, IOException {
        String name = "Cluster of Java " + UUID.randomUUID();
        ClustersApi.APICreateClusterRequest.Builder request =
            ClustersApi.APICreateClusterRequest.newBuilder()
                .idempotencyKey('"' + UUID.randomUUID().toString() + '"')
                .clusterBody(new ClusterBody().name(name).region("London"));
        Cluster first = clusters.createCluster(request.build());
        check(name.equals(first.getName()), "create");
        done("create");
        var again = clusters.createClusterWithHttpInfo(request.build());
        check(again.getData().getId().equals(first.getId()), "repeat");
        check(List.of("true").equals(again.getHeaders().get("idempotency-replayed")), "replayed");
        done("repeat");
        refused(422, "idempotency_key_reused", () -> clusters.createCluster(
            request.clusterBody(new ClusterBody().name(name + "2")).build()));
        done("key reused");
        request.idempotencyKey(null);
        refused(409, "conflict", () -> clusters.createCluster(
            request.clusterBody(new ClusterBody().name(name)).build()));
        done("taken");
        Problem wrong = refused(422, "validation_failed", () -> clusters.createCluster(
            request.clusterBody(new ClusterBody().name("")).build()));
        check("/name".equals(wrong.getErrors().get(0).getPointer()), "not valid");
        done("not valid");
        return first;
    }

    private void change(ClustersApi clusters, UUID id) throws ApiException, IOException {
        String etag = clusters.getClusterWithHttpInfo(
            ClustersApi.APIGetClusterRequest.newBuilder().clusterId(id).build())
            .getHeaders().get("etag").get(0);
        ClustersApi.APIPatchClusterRequest.Builder request =
            ClustersApi.APIPatchClusterRequest.newBuilder().clusterId(id).ifMatch(etag);
        Cluster changed = clusters.patchCluster(request.body(Map.of("notes", "Mine.")).build());
        check("Mine.".equals(changed.getNotes()) && changed.getVersion() == 2, "change");
        done("change");
        refused(412, "precondition_failed", () -> clusters.patchCluster(
            request.body(Map.of("notes", "Somebody else's.")).build()));
        done("stale");
    }

    private static Pulled pull(SyncApi sync, String since) throws ApiException {
        List<SyncChange> changes = new ArrayList<>();
        SyncPage page;
        do {
            page = sync.pullChanges(
                SyncApi.APIPullChangesRequest.newBuilder().limit(5).since(since).build());
            changes.addAll(page.getChanges());
            since = page.getSince();
        } while (page.getMore());
        return new Pulled(changes, since);
    }

    private static SyncResult push(SyncApi sync, SyncPushedChange change) throws ApiException {
        SyncResult result = sync.pushChanges(SyncApi.APIPushChangesRequest.newBuilder()
            .syncBatch(new SyncBatch().addChangesItem(change)).build()).getResults().get(0);
        check(result.getClientId().equals(change.getClientId()), "push");
        return result;
    }

    /** A UUID of version 7: the time in milliseconds, and chance. */
    private static UUID uuid7() {
        UUID chance = UUID.randomUUID();
        return new UUID(System.currentTimeMillis() << 16 | 0x7000
            | chance.getMostSignificantBits() & 0xfff, chance.getLeastSignificantBits());
    }

    private static SyncPushedChange update(UUID id, String location) {
        return new SyncPushedChange().clientId(UUID.randomUUID()).type(SyncType.MEETING).id(id)
            .method(SyncPushedChange.MethodEnum.UPDATE).baseVersion(1)
            .document(Map.of("location", location));
    }

    private static String location(Object document) {
        return JSON.valueToTree(document).path("location").asText();
    }

    private void sync(SyncApi sync) throws ApiException {
        UUID cluster = UUID.fromString(given.get("cluster_id").asText());
        Pulled all = pull(sync, null);
        check(all.changes().stream().anyMatch(change -> change.getType() == SyncType.CLUSTER
            && change.getId().equals(cluster)), "own cluster");
        done("pull");
        UUID id = uuid7();
        SyncPushedChange made = new SyncPushedChange().clientId(UUID.randomUUID()).id(id)
            .method(SyncPushedChange.MethodEnum.CREATE).type(SyncType.MEETING)
            .document(Map.of("kind", "additional", "held_on", "2026-03-02", "location", "Hall",
                "topics", List.of("Phonics"), "cluster_id", cluster));
        SyncResult first = push(sync, made);
        check(first.getOutcome() == SyncResult.OutcomeEnum.APPLIED, "push: " + first);
        done("push");
        SyncResult again = push(sync, made);
        check(again.getOutcome() == SyncResult.OutcomeEnum.APPLIED
            && JSON.valueToTree(again.getDocument()).path("version").asInt() == 1, "push again");
        done("push again");
        push(sync, update(id, "Library"));
        SyncResult late = push(sync, update(id, "Gym"));
        check(late.getOutcome() == SyncResult.OutcomeEnum.CONFLICT, "conflict: " + late);
        check(location(late.getCurrent()).equals("Library"), "current");
        check(location(late.getBase()).equals("Hall"), "base");
        done("push conflict");
        check(pull(sync, all.since()).changes().stream().anyMatch(change -> change.getId().equals(id)
            && change.getChange() == SyncChange.ChangeEnum.CHANGED
            && location(change.getDocument()).equals("Library")), "pull on");
        done("pull on");
    }

    private void leave(String refresh) throws ApiException, IOException {
        String id = given.get("app").get("id").asText();
        Tokens fresh = tokens(OauthApi.APICreateTokenRequest.newBuilder()
            .grantType("refresh_token").clientId(id).refreshToken(refresh).build());
        MeApi me = new MeApi(withToken(fresh.getAccessToken()));
        me.getMe();
        done("refresh");
        new OauthApi(withToken(null)).revokeToken(OauthApi.APIRevokeTokenRequest.newBuilder()
            .token(fresh.getAccessToken()).clientId(id).build());
        refused(401, "unauthorized", me::getMe);
        done("revoke");
    }

    private void live() throws Exception {
        page();
        Tokens head = signIn("head_office");
        done("sign in");
        ClustersApi clusters = new ClustersApi(withToken(head.getAccessToken()));
        change(clusters, create(clusters).getId());
        sync(new SyncApi(withToken(signIn("ambassador").getAccessToken())));
        leave(head.getRefreshToken());
    }

    public static void main(String[] arguments) throws Exception {
        new Story(JSON.readTree(System.getenv("IQM_STORY"))).live();
    }
}
