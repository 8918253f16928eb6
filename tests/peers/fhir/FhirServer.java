// A HAPI FHIR R4 server that keeps resources in memory: created, read, updated, searched by when they last changed.
//
// Started with a port and, where requests must be authorised, the one bearer token it takes.

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.annotation.ConditionalUrlParam;
import ca.uhn.fhir.rest.annotation.Create;
import ca.uhn.fhir.rest.annotation.RequiredParam;
import ca.uhn.fhir.rest.annotation.ResourceParam;
import ca.uhn.fhir.rest.annotation.Search;
import ca.uhn.fhir.rest.annotation.Sort;
import ca.uhn.fhir.rest.annotation.Update;
import ca.uhn.fhir.rest.api.MethodOutcome;
import ca.uhn.fhir.rest.api.SortSpec;
import ca.uhn.fhir.rest.api.server.IBundleProvider;
import ca.uhn.fhir.rest.api.server.RequestDetails;
import ca.uhn.fhir.rest.param.DateRangeParam;
import ca.uhn.fhir.rest.server.FifoMemoryPagingProvider;
import ca.uhn.fhir.rest.server.IResourceProvider;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.SimpleBundleProvider;
import ca.uhn.fhir.rest.server.exceptions.AuthenticationException;
import ca.uhn.fhir.interceptor.api.Hook;
import ca.uhn.fhir.interceptor.api.Interceptor;
import ca.uhn.fhir.interceptor.api.Pointcut;
import ca.uhn.fhir.rest.server.provider.HashMapResourceProvider;
import jakarta.servlet.http.HttpServletRequest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Date;
import java.util.List;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.*;

public final class FhirServer {
  public static void main(String[] arguments) throws Exception {
    String token = arguments.length > 1 ? arguments[1] : "";
    FhirContext context = FhirContext.forR4();
    RestfulServer fhir = new RestfulServer(context);
    FifoMemoryPagingProvider pages = new FifoMemoryPagingProvider(20);
    pages.setDefaultPageSize(10);
    pages.setMaximumPageSize(1000);
    fhir.setPagingProvider(pages);
    List<IResourceProvider> stores = new ArrayList<>();
    for (Class<? extends Resource> type :
        List.of(
            Account.class, Appointment.class, ChargeItem.class, Claim.class, ClaimResponse.class, Coverage.class,
            Encounter.class, ExplanationOfBenefit.class, Invoice.class, Location.class, Organization.class, Patient.class,
            PaymentNotice.class, PaymentReconciliation.class, Practitioner.class, PractitionerRole.class, Schedule.class,
            Slot.class, Subscription.class, SupplyDelivery.class, SupplyRequest.class)) {
      stores.add(new Store<>(context, type));
    }
    fhir.setResourceProviders(stores);
    if (!token.isEmpty()) {
      fhir.registerInterceptor(new Door(token));
    }
    Server server = new Server();
    ServerConnector connector = new ServerConnector(server);
    connector.setHost("127.0.0.1");
    connector.setPort(Integer.parseInt(arguments[0]));
    server.addConnector(connector);
    ServletContextHandler handler = new ServletContextHandler();
    handler.addServlet(new ServletHolder(fhir), "/fhir/*");
    server.setHandler(handler);
    server.start();
    System.out.println("listening on " + connector.getLocalPort());
    System.in.read(); // Ends with whoever started it.
    System.exit(0);
  }

  /** Resources of one type, found by when they last changed, oldest first. */
  public static final class Store<T extends IBaseResource> extends HashMapResourceProvider<T> {
    Store(FhirContext context, Class<T> type) {
      super(context, type);
    }

    @Override
    @Create
    public synchronized MethodOutcome create(@ResourceParam T resource, RequestDetails request) {
      resource.getMeta().setLastUpdated(new Date());
      return super.create(resource, request);
    }

    @Override
    @Update
    public synchronized MethodOutcome update(
        @ResourceParam T resource, @ConditionalUrlParam String conditional, RequestDetails request) {
      resource.getMeta().setLastUpdated(new Date());
      return super.update(resource, conditional, request);
    }

    @Search
    public IBundleProvider searchByChange(@RequiredParam(name = "_lastUpdated") DateRangeParam changed, @Sort SortSpec sort) {
      List<IBaseResource> found = new ArrayList<>();
      for (IBaseResource each : getStoredResources()) {
        Date at = each.getMeta().getLastUpdated();
        Date from = changed.getLowerBoundAsInstant();
        Date to = changed.getUpperBoundAsInstant();
        if ((from == null || !at.before(from)) && (to == null || !at.after(to))) {
          found.add(each);
        }
      }
      found.sort(Comparator.comparing(each -> each.getMeta().getLastUpdated()));
      return new SimpleBundleProvider(found);
    }
  }

  /** Lets nobody in without the token. */
  @Interceptor
  public static final class Door {
    private final String token;

    Door(String token) {
      this.token = token;
    }

    @Hook(Pointcut.SERVER_INCOMING_REQUEST_PRE_PROCESSED)
    public boolean mayPass(HttpServletRequest request) {
      if (!("Bearer " + token).equals(request.getHeader("Authorization")) && !request.getRequestURI().endsWith("/metadata")) {
        throw new AuthenticationException("no valid token");
      }
      return true;
    }
  }
}
