"""Charts of the four meshes, and sets of values that switch their parts on."""

ISTIO = {
    "base": ["", "global.istioNamespace=mesh", "defaultRevision=", "base.excludedCRDs={gateways.networking.istio.io}",
             "experimental.stableValidationPolicy=true", "revision=1-31"],
    "istio-control/istio-discovery": [
        "", "revision=canary", "pilot.autoscaleEnabled=false,pilot.replicaCount=3", "global.proxy.privileged=true",
        "meshConfig.accessLogFile=/dev/stdout,meshConfig.enableTracing=true", "pilot.env.A=b,pilot.env.C=1",
        "global.multiCluster.clusterName=c1,global.network=n1,global.meshID=m1", "istiodRemote.enabled=true,global.remotePilotAddress=10.0.0.1",
        "revisionTags={prod,stage}", "global.logging.level=all:debug,global.logAsJson=true", "pilot.resources.requests.cpu=2",
        "sidecarInjectorWebhook.enableNamespacesByDefault=true", "global.imagePullSecrets={a,b}", "pilot.cni.enabled=true",
        "global.waypoint.resources.limits.cpu=3", "global.networkPolicy.enabled=true", "global.platform=openshift", "platform=gke",
        "pilot.podAnnotations.a=b,pilot.tolerations[0].key=x,pilot.tolerations[0].operator=Exists", "compatibilityVersion=1.27",
        "pilot.ipFamilyPolicy=RequireDualStack,pilot.ipFamilies={IPv6,IPv4}", "telemetry.enabled=false", "global.configValidation=false",
        "pilot.hub=h,pilot.tag=t,pilot.variant=distroless", "pilot.trustedZtunnelNamespace=z", "global.proxy.holdApplicationUntilProxyStarts=true",
        "pilot.taint.enabled=true", "global.defaultPodDisruptionBudget.enabled=false", "pilot.jwksResolverExtraRootCA=abc"],
    "gateway": ["", "service.type=ClusterIP", "autoscaling.enabled=false,replicaCount=2", "kind=DaemonSet", "service.annotations.x=y",
                "podDisruptionBudget.minAvailable=1", "labels.app=x,labels.istio=y", "platform=openshift", "networkPolicy.enabled=true",
                "resources.limits.cpu=null", "service.ports[0].name=http,service.ports[0].port=80", "revision=canary"],
    "istio-cni": ["", "cni.ambient.enabled=true", "ambient.enabled=true", "platform=gke", "chained=false", "repair.enabled=false", "revision=x"],
    "ztunnel": ["", "resources.requests.cpu=1", "env.A=b", "revision=x", "multiCluster.clusterName=c", "platform=openshift", "seLinuxOptions.type=spc_t"],
    "default": ["", "revision=canary"],
}

CILIUM = {
    "cilium": [
        "", "kubeProxyReplacement=true,k8sServiceHost=10.0.0.1,k8sServicePort=6443", "gatewayAPI.enabled=true,kubeProxyReplacement=true,envoy.enabled=true",
        "ingressController.enabled=true,ingressController.loadbalancerMode=shared,kubeProxyReplacement=true", "hubble.relay.enabled=true,hubble.ui.enabled=true",
        "hubble.metrics.enabled={dns,drop,tcp,flow},prometheus.enabled=true,operator.prometheus.enabled=true", "encryption.enabled=true,encryption.type=wireguard",
        "encryption.enabled=true,encryption.type=ipsec", "ipam.mode=kubernetes,tunnelProtocol=geneve", "ipv6.enabled=true", "routingMode=native,ipv4NativeRoutingCIDR=10.0.0.0/8,autoDirectNodeRoutes=true",
        "eni.enabled=true,ipam.mode=eni,routingMode=native", "bgpControlPlane.enabled=true", "authentication.mutual.spire.enabled=true,authentication.mutual.spire.install.enabled=true",
        "clustermesh.useAPIServer=true,cluster.name=east,cluster.id=1", "nodeinit.enabled=true", "preflight.enabled=true,agent=false,operator.enabled=false",
        "operator.replicas=1,operator.resources.limits.cpu=1", "bandwidthManager.enabled=true,bpf.masquerade=true", "egressGateway.enabled=true,bpf.masquerade=true,kubeProxyReplacement=true",
        "l7Proxy=false,envoy.enabled=false", "hubble.enabled=false", "debug.enabled=true,debug.verbose=flow", "tls.secretsBackend=k8s,hubble.tls.auto.method=cronJob,hubble.relay.enabled=true",
        "hubble.tls.auto.method=certmanager,hubble.tls.auto.certManagerIssuerRef.name=ca,hubble.tls.auto.certManagerIssuerRef.kind=Issuer,hubble.relay.enabled=true",
        "l2announcements.enabled=true,externalIPs.enabled=true,kubeProxyReplacement=true", "cni.chainingMode=aws-cni,cni.exclusive=false", "socketLB.enabled=true,localRedirectPolicies.enabled=true",
        "sctp.enabled=true,k8s.requireIPv4PodCIDR=true", "dashboards.enabled=true,operator.dashboards.enabled=true,hubble.metrics.dashboards.enabled=true,hubble.metrics.enabled={dns}",
    ],
}

# Linkerd's repository keeps its common part beside the charts: it has to be copied into charts/ of each, as its CI does.
LINKERD = {
    "linkerd-crds": ["", "installGatewayAPI=false", "installGatewayAPI=true"],
    "linkerd-control-plane": [
        "@anchors", "@anchors,highAvailability=true,controllerReplicas=3,enablePodAntiAffinity=true,enablePodDisruptionBudget=true,webhookFailurePolicy=Fail", "@anchors,cniEnabled=true",
        "@anchors,disableHeartBeat=true,controllerLogLevel=debug", "@anchors,proxy.nativeSidecar=true", "@anchors,policyController.probeNetworks={10.0.0.0/8}", "@anchors,podMonitor.enabled=true",
        "@anchors,proxyInit.runAsRoot=true,proxyInit.iptablesMode=nft", "@anchors,identity.externalCA=true", "@anchors,controllerImageVersion=x,proxy.image.version=y", "", "@anchors,debugContainer.image.version=z",
    ],
    "linkerd2-cni": ["", "repairController.enabled=true", "enablePSP=true", "priorityClassName=x"],
    "linkerd-viz": ["", "prometheus.enabled=false,prometheusUrl=http://p", "dashboard.replicas=2,enablePodAntiAffinity=true", "grafana.url=http://g", "tap.externalSecret=true,tap.caBundle=x"],
    "linkerd-multicluster": ["", "gateway.enabled=false", "controllers[0].link.ref.name=east"],
}

CONSUL = {
    "consul": [
        "", "connectInject.enabled=true", "global.tls.enabled=true,global.tls.enableAutoEncrypt=true", "global.acls.manageSystemACLs=true", "global.gossipEncryption.autoGenerate=true",
        "global.metrics.enabled=true,global.metrics.enableAgentMetrics=true,prometheus.enabled=true", "ui.enabled=true,ui.ingress.enabled=true,ui.ingress.hosts[0].host=c", "server.replicas=3,server.storage=20Gi",
        "client.enabled=true,client.grpc=true", "syncCatalog.enabled=true", "meshGateway.enabled=true,connectInject.enabled=true,global.tls.enabled=true",
        "ingressGateways.enabled=true,connectInject.enabled=true", "terminatingGateways.enabled=true,connectInject.enabled=true", "connectInject.cni.enabled=true,connectInject.enabled=true",
        "externalServers.enabled=true,externalServers.hosts={a.example},server.enabled=false", "global.peering.enabled=true,global.tls.enabled=true,meshGateway.enabled=true,connectInject.enabled=true",
        "global.openshift.enabled=true", "dns.enabled=true,dns.proxy.enabled=true", "telemetryCollector.enabled=true", "global.enablePodSecurityPolicies=true",
        "global.secretsBackend.vault.enabled=true,global.secretsBackend.vault.consulServerRole=r,global.secretsBackend.vault.consulClientRole=c", "global.federation.enabled=true",
    ],
}
